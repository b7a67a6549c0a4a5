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

// ---- Coming and going --------------------------------------------------------------------------------------------

async function comeIn() {
  await isKnown;
  leave();
  name = sessionStorage.chatName = by("name").value;
  const where = sessionStorage.chatRoom = document.querySelector("[name=room]:checked").value;
  by("messages").replaceChildren();
  by("said").setAttribute("aria-live", "off");
  by("notice").textContent = by("refused").textContent = "";
  const here = room = connect(`/streams/${where}`, { client: `${name}~${key}`, last: HISTORY, transports });
  room.addEventListener("message", ({ data }) => { show(data); readOutLater(); });
  room.addEventListener("resume", ({ verdict }) => {
    if (verdict === "epoch-changed") note("The server was started anew. What was said before is above, and it knows nothing of it.");
    if (verdict === "gap") note("Some of what was said is lost.");
  });
  room.addEventListener("state", event => {
    // That we have left it is nothing to tell.
    if (here !== room) return event.stopImmediatePropagation();
    // Also whenever we have come back.
    if (event.state === "open") enter(here);
  });
  hideState = showState(room, by("state"));
  journal.follow(room, where);
  by("room-title").textContent = `The ${where}`;
  by("my-name").textContent = name;
  by("me").hidden = false;
  by("name-form").hidden = true;
  showCommands(by("commands"), [
    ["curl", `what is said in the ${where}`, `curl -sN '${location.origin}/streams/${where}/sse?last=20'`],
    ["curl", "say something, as you", `curl -s -H 'Content-Type: application/json' -d '{"text":"hello"}' '${location.origin}/streams/${where}/send?client=${name}~${key}'`],
  ]);
}

function leave(why = "you are not in a room") {
  const left = room;
  room = null;
  left?.close();
  hideState();
  clearTimeout(pause);
  by("state").textContent = why;
  by("state").dataset.state = "closed";
  by("room-title").textContent = "The room";
  by("me").hidden = true;
  by("name-form").hidden = false;
  people([]);
}

/** Who is here? And is our name ours? */
async function enter(here) {
  const before = told;
  readOutLater();
  try {
    const { reply } = await here.send({ enter: true });
    // What the room itself has told meanwhile is newer.
    if (here === room && told === before) people(reply.here);
  } catch (error) {
    if (here !== room || !error.forPeople) return;
    leave();
    by("refused").textContent = error.message;
    journal.add(error.message, "bad");
    by("name").select();
  }
}

/** Up to 200 lines of history are there to be read, and not to be read out. */
function readOutLater() {
  if (by("said").getAttribute("aria-live") === "polite") return;
  clearTimeout(pause);
  pause = setTimeout(() => by("said").setAttribute("aria-live", "polite"), PAUSE);
}

// ---- What comes --------------------------------------------------------------------------------------------------

function show({ what, at, from, to, text, name: who, here }) {
  if (what === "came" || what === "left") {
    told++;
    people(here);
    add("note", at, who === name ? `You ${what === "came" ? "came in" : "left"}.` : `${who} ${what === "came" ? "came in" : "left"}.`);
  } else if (what === "said") {
    add(what, at, text, from);
  } else if (what === "whispered") {
    add(what, at, text, from === name ? `You, to ${to} alone` : `${from}, to you alone`, from);
  }
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
    if (reply && here === room) show(reply);
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
  journal.add("left by you; the others will see it in some seconds");
};
by("rooms").onchange = () => { if (room) comeIn(); };

by("name").value = sessionStorage.chatName ?? "";
for (const radio of document.querySelectorAll("[name=room]")) radio.checked ||= radio.value === sessionStorage.chatRoom;
// A copy of a tab is another person, who needs a name of their own.
await isKnown;
if (by("name").value && !isCopy) comeIn();
else by("name").select();
