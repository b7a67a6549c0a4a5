// A room is a stream: read it by a name, and send on it. What comes is data: all of it is shown as text.

import { connect, showState } from "/push-client.js";
import { showCommands } from "/web/commands.js";
import { Journal, clock } from "/web/journal.js";
import { tabId } from "/web/tab.js";

/** What the room remembers, and what the page shows. */
const HISTORY = 200, SHOWN = 500;
/** Milliseconds without a message after which the history is in, and what comes is read out. */
const PAUSE = 1_000;

const by = id => document.getElementById(id);
const journal = new Journal(by("journal"));
// Of this tab: a name that others see, and a key by which the server knows that it is ours.
let key = null, isCopy = false;
const isKnown = tabId("chatKey").then(tab => { ({ id: key, isCopy } = tab); });
// `/?transport=sse` reads by that alone.
const transports = new URLSearchParams(location.search).getAll("transport");
if (!transports.length) transports.push("ws", "sse", "xhr", "longpoll", "poll");
let room = null, hideState = () => {}, name = "", told = 0, pause = null;
// Of whispers, by their numbers: those that are shown, and in words what has become of our own.
const shown = new Set(), fates = new Map();
let early = []; // those to us that came before we knew which had come before them; null once we know
const forget = () => { shown.clear(); fates.clear(); early = []; };

// ---- Coming and going --------------------------------------------------------------------------------------------

async function comeIn() {
  await isKnown;
  leave();
  name = sessionStorage.chatName = by("name").value;
  const where = sessionStorage.chatRoom = document.querySelector("[name=room]:checked").value;
  by("messages").replaceChildren();
  by("said").setAttribute("aria-live", "off");
  forget();
  by("notice").textContent = by("refused").textContent = "";
  const here = room = connect(`/streams/${where}`, { client: `${name}~${key}`, last: HISTORY, transports });
  room.addEventListener("message", ({ data }) => {
    if (here !== room) return;
    show(data);
    readOutLater();
  });
  room.addEventListener("resume", ({ verdict }) => {
    if (verdict === "epoch-changed") {
      forget(); // it counts anew
      note("The server was started anew. What was said before is above, and it knows nothing of it.");
    }
    if (verdict === "gap") note("Some of what was said is lost.");
  });
  room.addEventListener("state", event => {
    // That we have left it is nothing to tell.
    if (here !== room) return event.stopImmediatePropagation();
    early ??= [];
    // Also whenever we have come back.
    if (event.state === "open") enter(here);
  });
  hideState = showState(room, by("state"));
  journal.follow(room, where);
  by("room-title").textContent = `The ${where}`;
  by("my-name").textContent = name;
  by("me").hidden = false;
  by("name-form").hidden = true;
  // Whoever knows the key speaks as us: it is copied, and not shown.
  const speak = key => `curl -s -H 'Content-Type: application/json' -d '{"text":"hello"}' '${location.origin}/streams/${where}/send?client=${name}~${key}'`;
  showCommands(by("commands"), [
    ["curl", `what is said in the ${where}`, `curl -sN '${location.origin}/streams/${where}/sse?last=20'`],
    ["curl", "say something, as you", speak(key), speak("…")],
  ]);
}

function leave(why = "you are not in a room") {
  const old = room;
  room = null;
  hideState();
  // Others see it at once. Without a connection they see it once we have been away for long enough.
  if (old?.state === "open") old.send({ enter: false }).catch(() => {}).finally(() => old.close());
  else old?.close();
  clearTimeout(pause);
  by("state").textContent = why;
  by("state").dataset.state = "closed";
  by("room-title").textContent = "The room";
  by("me").hidden = true;
  by("name-form").hidden = false;
  people([]);
}

/** Who is here, what was whispered to us while we were away, and is our name ours? */
async function enter(here) {
  const before = told;
  let missed = [];
  readOutLater();
  try {
    const { reply } = await here.send({ enter: true });
    missed = reply.unconfirmed;
    // What the room itself has told meanwhile is newer.
    if (here === room && told === before) people(reply.here);
  } catch (error) {
    if (here === room && error.forPeople) {
      leave();
      by("refused").textContent = error.message;
      journal.add(error.message, "bad");
      by("name").select();
    }
  }
  if (here !== room) return;
  missed.push(...early ?? []);
  early = null;
  missed.sort((one, other) => one.number - other.number).forEach(show);
}

/** Up to 200 lines of history are there to be read, and not to be read out. */
function readOutLater() {
  if (by("said").getAttribute("aria-live") === "polite") return;
  clearTimeout(pause);
  pause = setTimeout(() => by("said").setAttribute("aria-live", "polite"), PAUSE);
}

// ---- What comes --------------------------------------------------------------------------------------------------

function show(message) {
  const { what, at, from, to, text, number, name: who, here } = message;
  if (what === "came" || what === "left") {
    told++;
    people(here);
    add("note", at, who === name ? `You ${what === "came" ? "came in" : "left"}.` : `${who} ${what === "came" ? "came in" : "left"}.`);
  } else if (what === "said") {
    add(what, at, text, from);
  } else if (what === "whispered") {
    if (early && to === name) return void early.push(message);
    // It is kept for us until we say that we have it.
    if (to === name) room.send({ got: number }).catch(() => {});
    if (shown.has(number)) return;
    shown.add(number);
    const item = add(what, at, text, from === name ? `You, to ${to} alone` : `${from}, to you alone`, from);
    if (from !== name) return;
    const small = document.createElement("small");
    small.dataset.number = number;
    item.lastElementChild.append(" ", small);
    fate(number, fates.get(number) ?? "on its way …");
  } else if (what === "confirmed") {
    fate(number, "received");
  } else if (what === "unconfirmed") {
    fate(number, "they have left, and not confirmed that they have it");
  }
}

/** What has become of a whisper of ours, beside it. The news may be here before our whisper is. */
function fate(number, text) {
  fates.set(number, text);
  const small = by("messages").querySelector(`[data-number="${number}"]`);
  if (small) small.textContent = text;
}

const note = text => add("note", Date.now(), text);

/** A line: who (if anybody) and what, as text. */
function add(what, at, text, who = "", from = who) {
  const item = document.createElement("li"), line = document.createElement("span"), words = document.createElement("span");
  item.dataset.what = what;
  if (from === name) item.dataset.mine = "";
  if (who) {
    const author = document.createElement("b");
    author.textContent = who;
    line.append(author, " ");
  }
  words.className = "words";
  words.textContent = text;
  line.append(words);
  item.append(clock(new Date(at)), line);
  const list = by("messages"), log = by("said");
  const isAtEnd = log.scrollHeight - log.scrollTop - log.clientHeight < 60;
  list.append(item);
  while (list.children.length > SHOWN) list.firstElementChild.remove();
  if (isAtEnd) log.scrollTop = log.scrollHeight;
  return item;
}

function people(names) {
  const items = names.map(who => {
    const item = document.createElement("li");
    item.textContent = who === name ? `${who} (you)` : who;
    return item;
  });
  by("people").replaceChildren(...items);
  by("nobody").hidden = names.length > 0;
  const to = by("to"), chosen = to.value;
  const others = names.filter(who => who !== name).map(who => new Option(`to ${who} alone`, who));
  to.replaceChildren(new Option("to all", ""), ...others);
  // Whoever has gone is not written to; nor is everybody, by mistake.
  if (chosen && !names.includes(chosen)) to.add(new Option(`${chosen} has left`, chosen));
  to.value = chosen;
}

// ---- What is sent ------------------------------------------------------------------------------------------------

by("write").onsubmit = async event => {
  event.preventDefault();
  by("notice").textContent = "";
  if (!room) {
    by("refused").textContent = "Come in first, by a name.";
    by("name").focus();
    return;
  }
  const text = by("text").value, to = by("to").value;
  by("text").value = "";
  by("text").focus();
  const here = room;
  // While the connection is away the message waits; it is said so, as others have not got it.
  let waiting = null;
  const tell = () => {
    if (here.state !== "open") return void (waiting ??= note(`Waiting to be sent: “${text}”`));
    waiting?.remove();
    waiting = null;
  };
  tell();
  here.addEventListener("state", tell);
  try {
    const { reply } = await here.send({ text }, to ? { to } : {});
    if (!reply || here !== room) return;
    if (reply.waits && !fates.has(reply.whisper.number)) fate(reply.whisper.number, "away; kept for when they are back");
    show(reply.whisper);
  } catch (error) {
    const why = here === room ? error.message : "you left before it was.";
    by("notice").textContent = error.forPeople ? why : `Not sent: ${why}`;
    // Back into the field; if there is something else by now, it can be copied.
    if (!by("text").value) by("text").value = text;
    else note(`Not sent: “${text}”`);
  } finally {
    here.removeEventListener("state", tell);
    waiting?.remove();
  }
};
by("name-form").onsubmit = async event => {
  event.preventDefault();
  await comeIn();
  by("text").focus({ preventScroll: true });
  by("write").scrollIntoView({ block: "nearest" });
};
by("go").onclick = () => {
  leave("left by you");
  by("name").select();
  journal.add("left by you");
};
by("rooms").onchange = () => { if (room) comeIn(); };

by("name").value = sessionStorage.chatName ?? "";
for (const radio of document.querySelectorAll("[name=room]")) radio.checked ||= radio.value === sessionStorage.chatRoom;
// A copy of a tab is another person, who needs a name of their own.
await isKnown;
if (by("name").value && !isCopy) comeIn();
else by("name").select();
