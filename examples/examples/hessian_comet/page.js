// The same lines twice: in a Flash movie, which Ruffle plays, and by push-client.js.

import { connect, showState } from "/push-client.js";
import { showCommands } from "/web/commands.js";
import { Journal, clock } from "/web/journal.js";
import { Retry } from "/web/retry.js";

const KEPT = 7;
const by = id => document.getElementById(id);
const journal = new Journal(by("journal"));
const { origin, hostname, protocol } = location;
const port = location.port || (protocol === "https:" ? "443" : "80");

// ---- This browser ------------------------------------------------------------------------------------------------

let received = 0;
// `?transport=sse` instead of the best one that works; several in order of preference.
const transports = new URLSearchParams(location.search).getAll("transport");
const stream = connect("/streams/comet", { last: 3, transports: transports.length > 0 ? transports : null });
stream.addEventListener("message", ({ data, position }) => {
  const item = document.createElement("li"), text = document.createElement("span");
  text.textContent = data.value;
  item.append(clock(), text);
  by("lines").prepend(item);
  while (by("lines").children.length > KEPT) by("lines").lastElementChild.remove();
  received += 1;
  by("browser-foot").textContent = `${received} received, now at ${position}`;
});
showState(stream, by("browser-state"));
journal.follow(stream, "browser");

// ---- The movie ---------------------------------------------------------------------------------------------------

const MOVIE = "/2008/comet_client.swf";
/** Until Ruffle has compiled itself and the movie has its first bytes; afterwards a line is due every 2 s. */
const BEGIN = 60_000, SILENCE = 10_000;
/** While the server is away it is looked for so often. */
const LOOK = 1_000;

const movie = { shown: 0, position: null, watch: null, retry: new Retry(), isLost: false };

/** It is read out: what has not changed is not written again. */
function movieState(name, text) {
  by("movie-state").dataset.state = name;
  if (by("movie-state").textContent !== text) by("movie-state").textContent = text;
}

/** Ruffle has no TCP: what the movie sends to its host and port goes over a WebSocket instead. */
function socket() {
  const bridge = path => new URL(path, origin.replace(/^http/, "ws")).href;
  // Through the bridge the movie asks for `comet` beside itself, and flushes.
  if (by("way").value === "bridge") return { proxyUrl: bridge("/ruffle"), flush: "yes" };
  // A movie of 2008 writes its request and never flushes it, so that Ruffle never sends it. This address does not wait for one.
  const from = movie.position ? `since=${encodeURIComponent(movie.position)}` : "last=3";
  return { proxyUrl: bridge(`/streams/comet/ruffle?framing=p&grammar=tutorial&${from}`), flush: "no" };
}

function startMovie() {
  stopMovie();
  if (!movie.isLost) movieState("connecting", "connecting");
  const { proxyUrl, flush } = socket();
  const style = getComputedStyle(document.documentElement);
  const colour = name => style.getPropertyValue(name).trim().slice(1);
  const player = window.RufflePlayer.newest().createPlayer();
  by("stage").replaceChildren(player);
  // One that was replaced may have a last word.
  player.ruffle().addFSCommandHandler((event, text) => { if (player.isConnected) told(event, text); });
  movie.watch = setTimeout(lostMovie, BEGIN, "the movie does not start");
  player.ruffle().load({
    url: MOVIE,
    parameters: {
      host: hostname, port, path: new URL("comet", new URL(MOVIE, origin)).pathname, flush,
      paper: colour("--card"), ink: colour("--ink"), soft: colour("--soft"), rule: colour("--rule"),
    },
    socketProxy: [{ host: hostname, port: Number(port), proxyUrl }],
    allowScriptAccess: true, // for told()
    autoplay: "on", unmuteOverlay: "hidden", splashScreen: false, contextMenu: "off", letterbox: "off",
  }).catch(problem => lostMovie(`Ruffle: ${problem.message ?? problem}`));
}

function stopMovie() {
  clearTimeout(movie.watch);
  by("stage").replaceChildren();
}

// What the movie tells: see CometClient.hx.
function told(event, text) {
  if (event === "head") begunMovie(text);
  if (event === "line") line(text);
  if (event === "close") lostMovie("the connection has ended");
  if (event === "error") lostMovie(text);
}

/** A movie of that time does not look at the head of the response. This one tells it. */
function begunMovie(head) {
  const field = name => head.match(new RegExp(`^${name}: *(.*)$`, "mi"))?.[1].trim() ?? null;
  movie.position = field("push-position");
  heardMovie();
  movieState("open", "live, by its socket");
  journal.add(movie.isLost ? "movie: back again" : "movie: connected", "good");
  movie.isLost = false;
  const resume = field("push-resume");
  if (resume === "complete") journal.add("movie: nothing was missed", "good");
  if (resume?.startsWith("gap")) journal.add(`movie: messages ${resume.slice(4)} are lost`, "bad");
  if (resume === "epoch-changed") journal.add("movie: the server was started anew, with another history", "lost");
}

function line(text) {
  heardMovie();
  movie.shown += 1;
  // Each line is the next position.
  if (movie.position) movie.position = movie.position.replace(/\d+$/, last => BigInt(last) + 1n);
  const at = movie.position ? `, now at ${movie.position}` : "";
  by("movie-foot").textContent = `${movie.shown} decoded in ActionScript${at}. Last: “${text}”`;
}

function heardMovie() {
  clearTimeout(movie.watch);
  movie.watch = setTimeout(lostMovie, SILENCE, `silent for ${SILENCE / 1_000} s`);
  movie.retry.reset();
}

/** Those clients never come back by themselves, so the page starts the movie again, where it was. */
function lostMovie(why) {
  clearTimeout(movie.watch);
  if (!movie.isLost) journal.add(`movie: ${why}`, "lost");
  movie.isLost = true;
  movieState("waiting", `${why}; the page starts it again`);
  movie.watch = setTimeout(again, movie.retry.wait());
}

/** Not before the server is there again: the movie itself has to be loaded from it. */
function again() {
  if (stream.state === "open") startMovie();
  else movie.watch = setTimeout(again, LOOK);
}

/** Another movie, which shows the newest lines. */
function anotherMovie() {
  [movie.position, movie.shown] = [null, 0];
  if (movie.isLost || !window.RufflePlayer.newest) return;
  by("movie-foot").textContent = "Nothing received yet.";
  startMovie();
}

by("way").onchange = () => {
  journal.add(`movie: ${by("way").selectedOptions[0].textContent}`);
  anotherMovie();
};
// The movie is painted in the page's colours.
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", anotherMovie);

function withoutRuffle() {
  by("stage").replaceChildren(by("missing").content.cloneNode(true));
  by("ways").hidden = true;
  by("movie-foot").textContent = "The movie is at /2008/comet_client.swf.";
  movieState("closed", "no player");
  showCommands(by("ruffle"), [
    ["npm", "gets Ruffle", "npm install --prefix target/ruffle @ruffle-rs/ruffle"],
    ["This example", "with it", "cargo run --release -p examples --example hessian_comet -- --ruffle target/ruffle/node_modules/@ruffle-rs/ruffle"],
  ]);
}

window.RufflePlayer = { config: {} };
const ruffle = document.createElement("script");
ruffle.src = "/player/ruffle.js";
ruffle.onload = () => { if (window.RufflePlayer.newest) startMovie(); else withoutRuffle(); };
ruffle.onerror = withoutRuffle;
document.head.append(ruffle);

// ---- Others ------------------------------------------------------------------------------------------------------

showCommands(by("commands"), [
  ["Java", "Caucho's own reader", `examples/java/run ReadComet ${origin}/comet 5`],
  ["Rust", "typed and generic values", `cargo run --release -p examples --example listen -- ${origin}/comet`],
  ["curl", "as the client of 2008 asks, and what it gets", `curl -sN --http1.0 ${origin}/2008/comet | xxd`],
  ["Socket policy", "what a Flash player asks first", `printf '<policy-file-request/>\\0' | nc -q3 ${hostname} ${port} | xxd`],
]);
