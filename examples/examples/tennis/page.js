// The server plays; the page sends which key is held, and draws the frames that come on the stream of the game.

import { connect, NAMES, showState } from "/push-client.js";
import { showCommands } from "/web/commands.js";
import { Journal } from "/web/journal.js";
import { tabId } from "/web/tab.js";

/** The page says so often that it is there, as it says which key is held; in milliseconds, as are all times here. */
const PING = 1_000;
/** While the ball moves frames come each 40 ms. After so long without one the page says so. */
const SILENCE = 1_500;
/** So far beyond a frame the page moves the ball by itself. */
const AHEAD = 120;
const WIDTH = 160, HEIGHT = 100, BALL = 2, PAD = 18, FACE = 7;
const SIDES = ["left", "right"];
const UNKNOWN = "The server does not know this game any more; perhaps it was started anew.";

const by = id => document.getElementById(id);
const journal = new Journal(by("journal"));
// Who plays, in this tab: nobody else is told it. It survives a reload, and so does the game.
let me = null;
const isKnown = tabId("player").then(({ id, isCopy }) => {
  me = id;
  // A copy of the tab is somebody else, and plays no game yet.
  if (isCopy) delete sessionStorage.game;
});

let game = null, side = null, room = null, hideState = () => {}; // the game, our side in it, and its stream
let frame = null, at = 0, phase = null; // the newest frame, when it came, and what it said
let key = 0, held = [], isAsking = false, isUnheard = false, isSilent = false;

// ---- The menu ----------------------------------------------------------------------------------------------------

const transports = () => [by("transport").value];

/** Asks in the lobby; `null`, and a notice, if it is refused. */
async function ask(what) {
  by("notice").textContent = "";
  await isKnown;
  const lobby = connect("/streams/lobby", { client: me, transports: transports() });
  lobby.addEventListener("state", ({ state, reason }) => {
    if (state === "waiting") by("notice").textContent = `Waiting to be sent: ${reason}.`;
  });
  try {
    const { reply } = await lobby.send(what);
    by("notice").textContent = "";
    return reply;
  } catch (error) {
    by("notice").textContent = error.forPeople ? error.message : `The server does not answer: ${error.message}`;
    return null;
  } finally {
    lobby.close();
  }
}

async function begin(what) {
  const buttons = [by("new"), by("join").lastElementChild];
  for (const button of buttons) button.disabled = true;
  const playing = await ask(what);
  for (const button of buttons) button.disabled = false;
  if (playing) play(playing);
  return playing;
}

function play(playing) {
  leave();
  ({ game, side } = playing);
  sessionStorage.game = game;
  by("id").value = "";
  showMenu();
  by("game-title").textContent = `Game ${game}`;
  journal.add(`you play game ${game}, on the ${side}`, "good");
  for (const name of SIDES) {
    by(`pad-${name}`).classList.toggle("you", name === side);
    by(name).classList.toggle("you", name === side);
  }
  follow();
  takeKeys();
  showCourt();
}

/** Who plays can quit, and who does not can begin. */
function showMenu() {
  by("new").hidden = by("join").hidden = Boolean(game);
  by("quit").hidden = !game;
  for (const id of ["up", "down"]) by(id).disabled = !game;
  by("invite").hidden = true;
}

/** All of the court is to be seen, and what stands above it where there is room for both. */
function showCourt() {
  const { top, bottom } = by("game").getBoundingClientRect();
  if (top >= 0 && bottom <= innerHeight) return;
  const panel = by("game").parentElement;
  (panel.offsetHeight <= innerHeight ? panel : by("game")).scrollIntoView();
}
// Turned, or made narrower; not where a phone only takes away its address bar, because somebody scrolls.
let width = innerWidth;
addEventListener("resize", () => {
  if (game && width !== innerWidth) showCourt();
  width = innerWidth;
});

/** The arrow keys are the game's from now on, not those of the field or list in which somebody has just been. */
const takeKeys = () => by("court").focus({ preventScroll: true });

/** Reads the game, by the transport that is chosen. */
function follow() {
  hangUp();
  const here = room = connect(`/streams/game-${game}`, {
    client: me, last: 1, transports: transports(),
    // A game that the server does not know any more does not come back.
    limits: { refusals: 1, retryMost: 4_000 },
  });
  hideState = showState(room, by("state"));
  room.addEventListener("message", ({ data }) => { if (here === room) show(data); });
  let isLost = false;
  room.addEventListener("state", ({ state, transport, reason }) => {
    if (here !== room) return;
    if (state === "open") journal.add(`${isLost ? "back again" : "connected"}, by ${NAMES[transport]}`, "good");
    if (state === "waiting" && !isLost) journal.add(`the connection is lost: ${reason}`, "lost");
    isLost = state === "waiting" || (isLost && state !== "open");
    if (state === "closed") over(UNKNOWN);
  });
  showCommands(by("commands"), [
    ["curl", "look at this game", `curl -sN '${location.origin}/streams/game-${game}/sse?last=1'`],
    ["curl", "how punctual the ticks are", `curl -s ${location.origin}/ticks`],
  ]);
}

function hangUp() {
  const old = room;
  room = null; // what it still says is not listened to
  hideState();
  old?.close();
}

function leave() {
  hangUp();
  [game, side, frame, phase, key, held, isUnheard] = [null, null, null, null, 0, [], false];
  delete sessionStorage.game;
  by("state").replaceChildren();
  delete by("state").dataset.state;
  showMenu();
}

/** The game is over; `why` where no frame has said so. */
function over(why) {
  if (!game) return;
  if (why) {
    by("says").textContent = why;
    journal.add(why, "bad");
  }
  by("game-title").textContent = `Game ${game} is over`;
  leave();
}

by("new").onclick = () => begin("new");
by("join").onsubmit = event => {
  event.preventDefault();
  begin({ join: by("id").value });
};
// As it may have been pasted, with blanks around it.
by("id").oninput = () => { by("id").value = by("id").value.replace(/[^a-z]/gi, "").toUpperCase(); };

/** A link to this page with an id is an invitation. */
function showInvitation() {
  const [, id] = /^#([A-Za-z]{7})$/.exec(location.hash) ?? [];
  if (!id || game) return;
  by("id").value = id.toUpperCase();
  write(by("says"), "You are asked to play game ", bold(by("id").value), ": join it.");
  by("new").classList.remove("main");
  by("join").lastElementChild.classList.add("main");
  by("join").lastElementChild.focus();
}
addEventListener("hashchange", showInvitation);
by("invite").onclick = async () => {
  const link = `${location.origin}/#${game}`, button = by("invite");
  try {
    await navigator.clipboard.writeText(link);
    button.textContent = "Copied";
    setTimeout(() => { button.textContent = "Copy a link to it"; }, 1_500);
  } catch {
    // No clipboard without HTTPS or localhost.
    button.textContent = link;
  }
  takeKeys();
};

by("quit").onclick = async () => {
  if (room.state !== "open") by("notice").textContent = "The connection is away: that you quit is waiting to be sent.";
  try {
    await room.send("quit");
  } catch (error) {
    over(`You have left; the server does not know yet: ${error.status ? error.message : "it cannot be reached"}.`);
  } finally {
    by("notice").textContent = "";
  }
};
by("transport").value = sessionStorage.transport ?? "script";
by("transport").onchange = () => {
  sessionStorage.transport = by("transport").value;
  if (!game) return;
  follow();
  // By keyboard the next transport may be wanted; Escape then gives the keys back to the game.
  if (!isByKeys) takeKeys();
};
let isByKeys = false;
by("transport").onkeydown = ({ key: name }) => {
  isByKeys = true;
  if (name === "Escape" && game) takeKeys();
};
by("transport").onpointerdown = () => { isByKeys = false; };

// ---- Keys --------------------------------------------------------------------------------------------------------

/** What is pressed (arrows, and the buttons on the page), the newest last: that is which way the pad goes. */
function press(way) {
  held = [...held.filter(other => other !== way), way];
  hold(way);
}

function release(way) {
  held = held.filter(other => other !== way);
  hold(held.at(-1) ?? 0);
}

function releaseAll() {
  held = [];
  hold(0);
}

function hold(next) {
  if (!game || key === next) return;
  key = next;
  // What is pressed while the stream is away would come late; the next time that we say we are here, it is said.
  if (room.state === "open") tell();
}

/** Which key is held; and that we are here. */
async function tell() {
  const here = room;
  isAsking = true;
  try {
    await here.send({ pad: key });
    if (isUnheard && here === room) {
      isUnheard = false;
      if (frame) write(by("says"), ...what(frame));
      journal.add("the server hears you again", "good");
    }
  } catch ({ status, forPeople }) {
    if (here !== room) return;
    if (status === 404 || forPeople) {
      // The game is over. If it has ended in good order, the last frame is under way.
      setTimeout(() => { if (here === room) over(UNKNOWN); }, 1_000);
    } else if (!isUnheard) {
      // A frame that is cut says nothing: this is how the page learns of it first.
      isUnheard = true;
      write(by("says"), "The server does not hear you at the moment …");
      journal.add("what you do does not reach the server; the page goes on trying", "lost");
    }
  } finally {
    isAsking = false;
  }
}
// One at a time, so that on a slow network no old ones wait. While the stream is away they would come late.
setInterval(() => { if (game && !isAsking && room.state === "open") tell(); }, PING);

const KEYS = { ArrowUp: -1, ArrowDown: 1 };
addEventListener("keydown", event => {
  const { key: name, target } = event;
  if (!game || !(name in KEYS) || target.matches("input, select, [role=log]")) return;
  event.preventDefault(); // the page does not scroll
  if (!event.repeat) press(KEYS[name]);
});
addEventListener("keyup", ({ key: name }) => { if (name in KEYS) release(KEYS[name]); });
addEventListener("blur", releaseAll);
for (const [id, way] of [["up", -1], ["down", 1]]) {
  by(id).onpointerdown = event => {
    by(id).setPointerCapture(event.pointerId);
    press(way);
  };
  by(id).onpointerup = by(id).onpointercancel = () => release(way);
  by(id).onkeydown = ({ key: name, repeat }) => { if ((name === " " || name === "Enter") && !repeat) press(way); };
  by(id).onkeyup = ({ key: name }) => { if (name === " " || name === "Enter") release(way); };
}

// ---- What comes --------------------------------------------------------------------------------------------------

function show(next) {
  [frame, at] = [next, performance.now()];
  write(by("score"), next.score.join(" : "));
  SIDES.forEach((name, index) => {
    const here = next.here[index] ? "" : next.phase === "waiting" ? ", not here yet" : ", away";
    write(by(name), (name === side ? `${name}, you` : name) + here);
  });
  const says = what(next);
  write(by("says"), ...says);
  by("invite").hidden = next.phase !== "waiting";
  if (next.phase !== phase) {
    if (next.phase === "paused") journal.add(plain(says), "lost");
    if (phase === "paused" && next.phase !== "over") journal.add("both are here: it goes on", "good");
    if (phase === "waiting" && next.phase === "serve") journal.add("the other has joined", "good");
    if (next.phase === "over") journal.add(plain(says));
    phase = next.phase;
  }
  if (next.phase === "over") over();
}

/** What is there already is not read out again. */
function write(element, ...parts) {
  if (element.textContent !== plain(parts)) element.replaceChildren(...parts);
}

function bold(text) {
  const element = document.createElement("b");
  element.textContent = text;
  return element;
}

const plain = parts => parts.map(part => part.textContent ?? part).join("");

/** In words: a list of texts and elements. */
function what({ phase, here, end }) {
  if (phase === "waiting") return ["Tell the other player this id: ", bold(game)];
  if (phase === "paused") return [here[SIDES.indexOf(side)] ? "The other player is away. The game waits half a minute." : "The server has not heard of you for a while."];
  if (phase === "serve") return ["Ready …"];
  if (phase === "play") return ["Play!"];
  const [who, why] = end;
  const you = who === side;
  return [why === "quit" ? `${you ? "You have" : "The other player has"} quit. The game is over.`
    : `${you ? "You were" : "The other player was"} away for too long. The game is over.`];
}

function draw(now) {
  requestAnimationFrame(draw);
  if (!frame) return;
  const { ball: [x, y], speed: [vx, vy], pads, phase } = frame;
  const clamp = (value, low, high) => Math.min(Math.max(value, low), high);
  const isMoving = phase === "play" && game;
  const ahead = isMoving ? clamp(now - at, 0, AHEAD) / 1_000 : 0;
  const nextY = clamp(y + vy * ahead, BALL, HEIGHT - BALL);
  // Not through a pad that stands there: what becomes of the ball the next frame tells. Past one that does not, it leaves.
  const [left, right] = [FACE + BALL, WIDTH - FACE - BALL];
  const isMet = pad => Math.abs(nextY - pad) <= PAD / 2 + BALL;
  const low = x >= left && isMet(pads[0]) ? left : -BALL, high = x <= right && isMet(pads[1]) ? right : WIDTH + BALL;
  by("ball").setAttribute("cx", clamp(x + vx * ahead, low, high));
  by("ball").setAttribute("cy", nextY);
  SIDES.forEach((name, index) => by(`pad-${name}`).setAttribute("y", pads[index] - PAD / 2));
}
requestAnimationFrame(draw);

setInterval(() => {
  const was = isSilent;
  isSilent = Boolean(game) && frame?.phase === "play" && performance.now() - at > SILENCE;
  if (isSilent && !was) {
    by("says").textContent = "Nothing comes from the server at the moment …";
    journal.add("nothing comes from the server", "lost");
  }
  if (was && !isSilent && game) journal.add("the server is heard again", "good");
}, 250);

// A game goes on after a reload.
await isKnown;
if (sessionStorage.game && !await begin({ join: sessionStorage.game })) delete sessionStorage.game;
showInvitation();
