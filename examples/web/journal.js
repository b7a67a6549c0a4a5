// What happened to a page's connections, in words, the newest first.

import { NAMES } from "/push-client.js";

const KEPT = 50;

/** `22:04:31`, for a <time>. */
export function clock(now = new Date()) {
  const time = document.createElement("time");
  time.dateTime = now.toISOString();
  time.textContent = now.toTimeString().slice(0, 8);
  return time;
}

/** Writes into `element`, a <div class="journal">. Kinds: "good", "lost", "bad", or none. */
export class Journal {
  #list = document.createElement("ol");

  constructor(element) {
    element.setAttribute("role", "log");
    element.tabIndex = 0; // It scrolls, so it can be reached by keyboard.
    element.append(this.#list);
  }

  add(text, kind = "") {
    const item = document.createElement("li"), said = document.createElement("span");
    said.textContent = text;
    item.dataset.kind = kind;
    item.append(clock(), said);
    this.#list.prepend(item);
    while (this.#list.children.length > KEPT) this.#list.lastElementChild.remove();
  }

  /** Tells what becomes of a connection of push-client.js, called `name`; and of each gap, unless the page does. */
  follow(connection, name, { gaps = true } = {}) {
    let wasOpen = false, isLost = false, told = null;
    const tell = () => {
      const { state, transport, reason } = connection;
      if (state === "open") {
        if (isLost) this.add(`${name}: back again, by ${NAMES[transport]}`, "good");
        else if (!wasOpen) this.add(`${name}: connected, by ${NAMES[transport]}`, "good");
        [wasOpen, isLost, told] = [true, false, null];
      } else if (state === "waiting") {
        if (!isLost) this.add(`${name}: ${wasOpen ? "lost" : "no connection"}: ${reason}`, "lost");
        else if (told !== reason) this.add(`${name}: still away: ${reason}`, "lost");
        [isLost, told] = [true, reason];
      } else if (state === "closed") {
        this.add(`${name}: over: ${reason}`);
      }
    };
    connection.addEventListener("state", tell);
    tell();
    connection.addEventListener("resume", ({ verdict, from, to }) => {
      if (verdict === "complete") this.add(`${name}: nothing was missed`, "good");
      if (verdict === "gap") this.add(`${name}: messages ${from} to ${to} are lost`, "bad");
      if (verdict === "epoch-changed") this.add(`${name}: the server was started anew, with another history`, "lost");
    });
    if (gaps) connection.addEventListener("gap", ({ from, to }) => {
      this.add(`${name}: the server skipped messages ${from} to ${to}: this page is too slow`, "bad");
    });
    connection.addEventListener("error", ({ message }) => this.add(`${name}: ${message}`, "bad"));
  }
}
