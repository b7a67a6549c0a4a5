// The tutorial's page is `function comet_update(value)` and an iframe. What is more here: it says how the connection is,
// comes back when it is lost, and shows what the server's controller does.

import { connect, showState } from "/push-client.js";
import { showCommands } from "/web/commands.js";
import { Journal } from "/web/journal.js";
import { Retry, inWords } from "/web/retry.js";

const LAST = 10;
/** An update is due every 2 s; after this silence the connection is taken for lost. */
const SILENCE = 8_000;

const by = id => document.getElementById(id);
const journal = new Journal(by("journal"));
by("ticks").append(...Array.from({ length: LAST }, () => document.createElement("i")));

// ---- The tutorial ------------------------------------------------------------------------------------------------

window.comet_update = value => {
  by("content").textContent = value;
  [...by("ticks").children].forEach((tick, at) => tick.classList.toggle("on", at < value));
  by("content").classList.remove("new");
  void by("content").offsetWidth; // restarts the animation
  by("content").classList.add("new");
  heard();
};

// ---- The connection: an iframe that is loading as long as it lives -----------------------------------------------

// By this name the server tells this page what its controller does.
const visitor = `page-${Math.random().toString(36).slice(2, 12)}`;
const retry = new Retry();
let frame = null, watch = null, isBack = false;

function state(name, text) {
  by("comet-state").dataset.state = name;
  by("comet-state").textContent = text;
}

function start() {
  leave();
  state("connecting", "connecting");
  frame = document.createElement("iframe");
  frame.hidden = true;
  frame.title = "The stream of script tags";
  frame.src = `/comet?visitor=${visitor}`;
  // A document that was loaded has ended, whether the server has said why (`comet_end`) or not.
  frame.onload = () => lost("the connection was lost");
  document.body.append(frame);
  watch = setTimeout(lost, SILENCE, "no answer");
}

/** Closes the connection, or forgets what was to become of one. */
function leave() {
  clearTimeout(watch);
  if (!frame) return;
  frame.onload = null;
  frame.remove();
  frame = null;
}

function heard() {
  clearTimeout(watch);
  watch = setTimeout(lost, SILENCE, `silent for ${SILENCE / 1_000} s`);
  if (by("comet-state").dataset.state !== "open") {
    state("open", "live, by script tags");
    journal.add(isBack ? "counter: back again; a new connection begins its own count" : "counter: connected, by script tags", "good");
  }
  retry.reset();
  isBack = false;
}

function lost(why) {
  leave();
  const wait = retry.wait();
  if (!isBack) journal.add(`counter: ${why}`, "lost");
  isBack = true;
  state("waiting", `${why}; ${inWords(wait)}`);
  watch = setTimeout(start, wait);
}

// The stream's own last call: "complete" after the tenth, "rotate" from a server that stops.
window.comet_end = why => {
  if (why !== "complete") return lost("the server is stopping");
  leave();
  state("closed", "closed by the service, after the tenth");
  journal.add("counter: closed by the service, after the tenth");
};

by("start").onclick = () => {
  journal.add("counter: started by you");
  retry.reset();
  isBack = false;
  start();
};
by("stop").onclick = () => {
  if (by("comet-state").dataset.state === "closed") return;
  leave();
  state("closed", "left by you");
  journal.add("counter: left by you; the server will notice");
};

// ---- The state machine, as the server tells it -------------------------------------------------------------------

const SAID = {
  begin: () => "begin: registered with the service, and suspended.",
  resume: () => "resume: sent the count, and suspended again.",
  timeout: () => "timeout: nothing came.",
  close: why => `close: ${ENDS[why] ?? why}.`,
};
const ENDS = {
  Complete: "the service has completed it", Peer: "the page has gone", Shutdown: "the server is stopping",
  Stalled: "the page took nothing", Failed: "it failed", Cut: "it was cut",
};
/** How long a call that takes microseconds is shown. */
const GLOW = 600;
let glow = null;

function light(...names) {
  for (const name of ["begin", "suspended", "resume", "close"]) by(name).classList.toggle("on", names.includes(name));
}

const steps = connect("/streams/steps", { client: visitor });
steps.addEventListener("message", ({ data: { call, then } }) => {
  by("step").textContent = SAID[call]?.(then) ?? `${call}: ${then}`;
  light(call);
  clearTimeout(glow);
  if (then === "suspended") glow = setTimeout(light, GLOW, "suspended");
});
steps.addEventListener("state", ({ state }) => {
  if (state !== "open") by("step").textContent = "Not told at the moment.";
  if (state !== "open") light();
});
showState(steps, by("steps-state"));
journal.follow(steps, "controller");

// So that the first call is told as well; but not without end, as the counter does not depend on it.
await Promise.race([
  new Promise(resolve => steps.addEventListener("state", ({ state }) => { if (state === "open") resolve(); })),
  new Promise(resolve => setTimeout(resolve, 3_000)),
]);
start();

// A visitor of its own: what the server tells a visitor goes to the newest connection alone.
const terminal = visitor.replace("page", "shell");
showCommands(by("commands"), [
  ["curl", "first: what the controller of the next one does", `curl -sN '${location.origin}/streams/steps/sse?client=${terminal}'`],
  ["curl", "in another terminal: the script tags as they come", `curl -sN '${location.origin}/comet?visitor=${terminal}'`],
]);
