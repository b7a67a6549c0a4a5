// Shows the status that the server tells every second. Texts go into the page as text, never as markup.

const HISTORY = 120;
const byId = (id) => document.getElementById(id);
const number = new Intl.NumberFormat("en");
const rateFormat = new Intl.NumberFormat("en", { maximumFractionDigits: 1 });

/** An element with text and children. */
function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

function bytes(count) {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let unit = 0;
  while (count >= 1024 && unit < units.length - 1) { count /= 1024; unit += 1; }
  return `${rateFormat.format(count)} ${units[unit]}`;
}

function duration(seconds) {
  const parts = [[86400, "d"], [3600, "h"], [60, "min"], [1, "s"]];
  const told = [];
  for (const [size, unit] of parts) {
    if (seconds >= size || (unit === "s" && told.length === 0)) told.push(`${Math.floor(seconds / size)} ${unit}`);
    seconds %= size;
  }
  return told.slice(0, 2).join(" ");
}

const sum = (counts) => Object.values(counts).reduce((one, other) => one + other, 0);

function tiles(entries) {
  byId("tiles").replaceChildren(...entries.map(([name, value]) =>
    element("div", { class: "tile" }, element("b", {}, value), element("span", {}, name))));
}

/** One bar for each count that is not 0, the largest first. */
function bars(id, counts, bad = () => false) {
  const told = Object.entries(counts).filter(([, count]) => count > 0).sort((one, other) => other[1] - one[1]);
  const most = Math.max(1, ...told.map(([, count]) => count));
  const rows = told.flatMap(([name, count]) => {
    const part = element("i");
    part.style.width = `${(100 * count) / most}%`;
    return [
      element("span", {}, name.replaceAll("_", " ")),
      element("span", { class: bad(name) ? "bar bad" : "bar" }, part),
      element("span", { class: "number" }, number.format(count)),
    ];
  });
  byId(id).replaceChildren(...(rows.length ? rows : [element("span", { class: "none" }, "none")]));
}

/** What the rates of streams were, by name. */
const rates = new Map();

function remember(status) {
  const told = new Set(status.streams.map(({ name }) => name));
  for (const name of [...rates.keys()]) {
    if (!told.has(name)) rates.delete(name);
  }
  for (const { name, rate } of status.streams) {
    const past = rates.get(name) ?? [];
    past.push(rate);
    if (past.length > HISTORY) past.shift();
    rates.set(name, past);
  }
}

function spark(values) {
  const space = "http://www.w3.org/2000/svg";
  const svg = document.createElementNS(space, "svg");
  svg.setAttribute("viewBox", `0 0 ${HISTORY - 1} 20`);
  svg.setAttribute("preserveAspectRatio", "none");
  svg.setAttribute("class", "spark");
  svg.setAttribute("role", "img");
  svg.setAttribute("aria-label", `up to ${rateFormat.format(Math.max(0, ...values))} a second`);
  const most = Math.max(1e-9, ...values);
  const from = HISTORY - values.length;
  const line = document.createElementNS(space, "polyline");
  line.setAttribute("points", values.map((value, at) => `${from + at},${19 - (18 * value) / most}`).join(" "));
  svg.append(line);
  return svg;
}

function row(name, stream, drawn) {
  const cells = [
    [rateFormat.format(stream.rate)], [drawn], [number.format(stream.readers)], [number.format(stream.clients)],
    [number.format(stream.lag)], [stream.messages === undefined ? "" : number.format(stream.messages)],
    [`${number.format(stream.held_messages)} / ${bytes(stream.held_bytes)}`],
    ...["dropped", "overruns"].map((kind) => {
      const count = stream[kind] ? sum(stream[kind]) : undefined;
      return [count === undefined ? "" : number.format(count), count > 0];
    }),
  ];
  return element("tr", {}, element("td", {}, name),
    ...cells.map(([cell, bad]) => element("td", bad ? { class: "bad" } : {}, cell)));
}

function show(status) {
  byId("version").textContent = status.version;
  byId("phase").textContent = status.phase;
  byId("phase").className = `badge ${status.phase}`;
  byId("uptime").textContent = `up ${duration(status.uptime)}`;
  const rate = status.streams.reduce((all, stream) => all + stream.rate, status.other_streams.rate);
  tiles([
    ["streaming connections", number.format(sum(status.connections.open))],
    ["long polls that wait", number.format(status.waiting_readers)],
    ["streams", number.format(status.streams_open)],
    ["messages a second", rateFormat.format(rate)],
    ["messages published", number.format(status.all.messages)],
    ["messages dropped", number.format(sum(status.all.dropped))],
    ["requests under way", number.format(status.port_open)],
  ]);
  bars("transports", status.connections.open);
  bars("overruns", status.all.overruns, () => true);
  bars("closed", status.connections.closed, (why) => ["timeout", "slow", "failed"].includes(why));
  bars("refusals", status.refusals, () => true);
  bars("responses", status.responses, (code) => code >= "400");
  // It is told of no connection.
  const { policy_replaced: _, ...port } = status.port;
  bars("port", port, (name) => name.startsWith("refused") || name === "accept_errors");
  remember(status);
  const rows = status.streams.map((stream) => row(stream.name, stream, spark(rates.get(stream.name))));
  const others = status.other_streams;
  if (others.streams > 0) rows.push(row(`${number.format(others.streams)} others`, others, ""));
  byId("streams").replaceChildren(...rows);
  byId("streams-note").textContent = rows.length ? "" : "none yet: a stream is opened by its first use";
}

function link(text, isLost) {
  byId("link").textContent = text;
  byId("link").classList.toggle("lost", isLost);
}

fetch("/console/status").then((answer) => answer.json()).then(show, () => link("no answer", true));
const events = new EventSource("/console/live/sse");
events.onopen = () => link("live", false);
events.onerror = () => link("connection lost", true);
events.onmessage = (event) => show(JSON.parse(event.data));
