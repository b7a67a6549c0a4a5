// Objects that a Java program has published, the newest first.

import { connect, showState } from "/push-client.js";
import { showCommands } from "/web/commands.js";
import { Journal, clock } from "/web/journal.js";

const KEPT = 6;
const by = id => document.getElementById(id);
const journal = new Journal(by("journal"));
const service = `${location.origin}/hessian`;

// `?transport=sse` instead of the best one that works; several in order of preference.
const transports = new URLSearchParams(location.search).getAll("transport");
const stream = connect("/streams/news", { last: KEPT, transports: transports.length > 0 ? transports : null });
let received = 0;
stream.addEventListener("message", ({ data, position }) => {
  received += 1;
  by("none").hidden = true;
  by("news").hidden = false;
  by("news").prepend(shown(data));
  while (by("news").children.length > KEPT) by("news").lastElementChild.remove();
  by("foot").textContent = `${received} received, now at ${position}`;
});
showState(stream, by("state"));
journal.follow(stream, "news");

/** A headline as one, and any other value as the JSON that it is. Text, whatever it says: nothing of it is HTML. */
function shown(data) {
  const item = document.createElement("li"), title = document.createElement("h3"), more = document.createElement("p");
  item.append(title, more);
  if (typeof data?.title !== "string") {
    title.textContent = JSON.stringify(data);
    return item;
  }
  title.textContent = data.title;
  // java.util.Date: milliseconds since 1970.
  if (Number.isFinite(data.at)) more.append(clock(new Date(data.at)), "  ");
  more.append([data.place, ...(Array.isArray(data.topics) ? data.topics : [])].filter(text => typeof text === "string").join(" · "));
  return item;
}

by("service").textContent = service;
showCommands(by("commands"), [
  ["Java", "a headline every two seconds", `examples/java/run PublishNews ${service}`],
  ["Java", "one of your own", `examples/java/run PublishNews ${service} "Something has happened"`],
  ["Rust", "a call without a class", `cargo run -p hessian --features cli -- call ${service} publish '"news"' '"Rust says hello"'`],
]);
