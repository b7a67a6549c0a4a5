// The article's page has `go()`, which polls and shows what comes. Here it does that or reads a stream, says how the connection
// is, and comes back when it is lost.

import { showCommands } from "/web/commands.js";
import { Journal, clock } from "/web/journal.js";
import { Retry, inWords } from "/web/retry.js";

/** The server answers a poll within 60 s, news or not; a stream has a report for each place and then as they come. */
const LONGEST_POLL = 75_000, BEGIN = 20_000;
/** Seconds of silence on a stream that are normal, where the server does not say; after twice as many it is lost. */
const HEARTBEAT = 15;
/** Characters. A report is shorter by far. */
const LONGEST_EVENT = 65_536;

const by = id => document.getElementById(id);
const journal = new Journal(by("journal"));

// ---- What came ---------------------------------------------------------------------------------------------------

/** The revision of the last report: what is later is what this page has not seen. */
let seen = 0, reports = 0, requests = 0;
const places = new Map();

function show({ place, forecast, problem, revision }) {
  seen = revision;
  reports += 1;
  let card = places.get(place);
  if (!card) {
    card = document.createElement("article");
    places.set(place, card);
    card.dataset.place = place;
    const after = [...by("places").children].find(other => other.dataset.place.localeCompare(place) > 0);
    by("places").insertBefore(card, after ?? null);
  }
  const before = card.dataset.problem ?? "", now = problem ?? "";
  if (now && now !== before) journal.add(`${place}: ${now}`, "bad");
  if (!now && before) journal.add(`${place}: the feed is well again`, "good");
  card.dataset.problem = now;
  // Text, whatever a feed says: nothing of it is HTML.
  const part = (name, kind, text) => Object.assign(document.createElement(name), { className: kind, textContent: text });
  card.className = `place new${problem ? " stale" : ""}`;
  card.replaceChildren(
    part("h3", "", place),
    part("strong", "", forecast?.title ?? "No forecast yet"),
    part("p", "text", forecast?.text ?? ""),
  );
  if (problem) card.append(part("p", "problem", problem));
  const when = part("p", "", problem ? "told " : "new ");
  when.append(clock(new Date(revision)));
  // As the feed says it, whatever its format.
  when.title = forecast?.published ? `published ${forecast.published}` : "";
  card.append(when);
  by("foot").textContent = `${reports} reports in ${requests} ${requests === 1 ? "response" : "responses"}`;
}

// ---- How it comes ------------------------------------------------------------------------------------------------

const retry = new Retry();
/** Ends what is going on; another one begins with another. */
let going = new AbortController(), timer = null, isLost = false, isOpen = false;
/** What a browser says of a request that came to nothing, in words for people. */
const WORDS = { TypeError: "no connection", TimeoutError: "no answer", SyntaxError: "the answer broke off" };
const NAMES = { stream: "streaming", longpoll: "long polling" };

function state(name, text) {
  by("state").dataset.state = name;
  by("state").textContent = text;
}

function stop() {
  going.abort();
  clearTimeout(timer);
  isOpen = false;
}

function start() {
  stop();
  going = new AbortController();
  if (!isLost) state("connecting", "connecting");
  const way = by("way").value, { signal } = going;
  const ask = way === "stream" ? stream : longpoll;
  ask(signal).catch(problem => { if (!signal.aborted) lost(WORDS[problem.name] ?? problem.message); });
}

function opened() {
  retry.reset();
  if (isOpen) return;
  isOpen = true;
  state("open", `live, by ${NAMES[by("way").value]}`);
  journal.add(isLost ? "weather: back again" : `weather: connected, by ${NAMES[by("way").value]}`, "good");
  isLost = false;
}

function lost(why) {
  stop();
  const wait = retry.wait();
  if (!isLost) journal.add(`weather: lost: ${why}`, "lost");
  isLost = true;
  state("waiting", `${why}; ${inWords(wait)}`);
  timer = setTimeout(start, wait);
}

/** One answer after the other; each has what has become known since the one before. */
async function longpoll(signal) {
  while (!signal.aborted) {
    const limit = AbortSignal.timeout(LONGEST_POLL);
    const answer = await fetch(`/weather/longpoll?seen=${seen}`, { signal: AbortSignal.any([signal, limit]) });
    if (!answer.ok) throw new Error(`the server answers ${answer.status}`);
    const news = await answer.json();
    if (signal.aborted) return;
    requests += 1;
    opened();
    news.forEach(show);
  }
}

/**
 * One answer that goes on, of server-sent events. By `fetch`: an EventSource shows nobody its heartbeats, so one whose network
 * has gone without a word would be taken for live, for ever.
 */
async function stream(signal) {
  const hangUp = new AbortController(), either = AbortSignal.any([signal, hangUp.signal]);
  let watch;
  const expect = (ms, otherwise) => {
    clearTimeout(watch);
    watch = setTimeout(() => hangUp.abort(new Error(otherwise)), ms);
  };
  addEventListener("offline", () => hangUp.abort(new Error("this browser is offline")), { signal: either });
  try {
    expect(BEGIN, "no answer");
    const answer = await fetch(`/weather/sse?seen=${seen}`, { cache: "no-store", signal: either });
    if (!answer.ok) throw new Error(`the server answers ${answer.status}`);
    const silence = 2_000 * (Number(answer.headers.get("push-heartbeat")) || HEARTBEAT);
    requests += 1;
    opened();
    const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
    for (let rest = ""; ; ) {
      // Whatever comes is a sign of life, heartbeats too.
      expect(silence, `silent for ${silence / 1_000} s`);
      const { done, value } = await reader.read();
      if (done) throw new Error("the answer has ended");
      const events = (rest + value).split("\n\n");
      rest = events.pop();
      if (rest.length > LONGEST_EVENT) throw new Error(`an event is longer than ${LONGEST_EVENT} characters`);
      events.forEach(take);
    }
  } catch (problem) {
    throw hangUp.signal.aborted ? hangUp.signal.reason : problem;
  } finally {
    clearTimeout(watch);
    hangUp.abort();
  }
}

/** An event is lines, each a field; those of this server have a line of data at most. */
function take(event) {
  const field = name => new RegExp(`^${name}: ?(.*)$`, "m").exec(event)?.[1];
  const type = field("event") ?? "message", data = field("data");
  if (type === "rotate") throw new Error("the server is stopping");
  if (type === "message" && data) show(JSON.parse(data));
}

by("way").onchange = () => {
  isLost = false;
  retry.reset();
  journal.add(`weather: changed by you to ${NAMES[by("way").value]}`);
  by("stop").textContent = "Stop";
  start();
};
by("stop").onclick = () => {
  if (by("stop").textContent === "Go!") {
    by("stop").textContent = "Stop";
    return start();
  }
  stop();
  isLost = false;
  retry.reset();
  by("stop").textContent = "Go!";
  state("closed", "stopped by you");
  journal.add("weather: stopped by you");
};
if (new URLSearchParams(location.search).get("way") === "longpoll") by("way").value = "longpoll";
start();

const { origin } = location;
showCommands(by("commands"), [
  ["curl", "long poll: what is known, at once", `curl -s ${origin}/weather/longpoll`],
  ["curl", "streaming, a line of JSON each", `curl -sN ${origin}/weather/json`],
  ["Rust", "streaming, as objects", `cargo run --release -p examples --example listen -- ${origin}/weather/hessian`],
  ["curl", "a feed that is asked", `curl -s ${origin}/feeds/lisbon.rss`],
]);
