// Takes a thousand messages a second, and draws what has become of them when the browser has time to draw: never once a
// message.

import { connect, showState } from "/push-client.js";
import { showCommands } from "/web/commands.js";
import { Journal } from "/web/journal.js";

/** Points of a chart, and the time of one, in milliseconds. */
const POINTS = 240, POINT = 250;
/** Points that are further apart, by two seconds, are not joined. */
const APART = 8;
/** A second without a tick is no second of a thousand. */
const SECOND = 1_000;
/** Skipping is told in the journal once in so long. */
const SKIPPED_AGAIN = 10_000;

const by = id => document.getElementById(id);
const journal = new Journal(by("journal"));
const money = new Intl.NumberFormat("en", { minimumFractionDigits: 2, maximumFractionDigits: 2 });
const whole = new Intl.NumberFormat("en");

// ---- What comes in -----------------------------------------------------------------------------------------------

/** By its symbol: the newest quote, whether it is drawn, its prices at the end of each quarter of a second, and its button. */
const stocks = new Map();
let received = 0, inThisSecond = 0, skipped = 0, fastest = Infinity, longest = -Infinity, toldOfSkipping = -Infinity;

function tick(data) {
  received += 1;
  inThisSecond += 1;
  quote(data);
}

/** What a company's price was at a time: of a tick, or of all prices. The other stream may have had a newer one. */
function quote({ symbol, price, close, time }) {
  let stock = stocks.get(symbol);
  if (!stock) {
    stock = { points: [], quote: { time }, ...addButton(symbol) };
    stocks.set(symbol, stock);
  }
  if (time < stock.quote.time) return;
  const now = Date.now();
  fastest = Math.min(fastest, now - time);
  longest = Math.max(longest, now - stock.quote.time);
  stock.quote = { symbol, price, close, time };
  stock.isDrawn = false;
  const at = Math.floor(time / POINT), last = stock.points.at(-1);
  if (last?.at === at) last.price = price;
  else stock.points.push({ at, price });
  if (stock.points.length > POINTS) stock.points.shift();
}

/**
 * The greatest age of a price since this was asked last: of one that was replaced, or is still here. The server's clock need not be ours, so
 * ages begin with that of the quote that came fastest.
 */
function oldest() {
  const now = Date.now();
  for (const { quote } of stocks.values()) longest = Math.max(longest, now - quote.time);
  const age = longest - fastest;
  longest = -Infinity;
  return Number.isFinite(age) ? age : null;
}

function skip({ from, to }) {
  skipped += to - from + 1;
  // Many times a second, if at all.
  if (performance.now() - toldOfSkipping < SKIPPED_AGAIN) return;
  toldOfSkipping = performance.now();
  journal.add("ticks: more than this page takes; the server skips some, and it stays current", "lost");
}

let stream = null, prices = null, stopShowing = null;
function open() {
  stream?.close();
  prices?.close();
  stopShowing?.();
  [inThisSecond, fastest, longest] = [0, Infinity, -Infinity];
  const transports = by("transport").value ? [by("transport").value] : null;
  prices = connect("/streams/prices", { last: 1, transports });
  prices.addEventListener("message", ({ data }) => {
    for (const [symbol, [price, close]] of Object.entries(data.prices)) quote({ symbol, price, close, time: data.time });
  });
  stream = connect("/streams/ticks", { transports });
  const current = stream;
  stream.addEventListener("message", ({ data }) => { if (current === stream) tick(data); });
  stream.addEventListener("gap", skip);
  stopShowing = showState(stream, by("state"));
  journal.follow(stream, "ticks", { gaps: false });
}
// `?transport=sse` from the beginning.
by("transport").value = new URLSearchParams(location.search).get("transport") ?? "";
if (by("transport").selectedIndex < 0) by("transport").value = "";
by("transport").onchange = open;

setInterval(() => {
  by("rate").textContent = whole.format(inThisSecond);
  const age = oldest();
  by("oldest").textContent = age === null ? "–" : whole.format(age);
  inThisSecond = 0;
}, SECOND);

// ---- What is drawn -----------------------------------------------------------------------------------------------

/** Whose chart is shown until somebody chooses. */
const FIRST = "ACME";
let chosen = null;

function addButton(symbol) {
  const button = document.createElement("button"), name = document.createElement("b");
  const price = document.createElement("span"), change = document.createElement("span");
  button.type = "button";
  button.dataset.symbol = symbol;
  name.textContent = symbol;
  button.append(name, price, change);
  button.onclick = () => {
    choose(symbol);
    // On a phone it is far above.
    by("chart").closest(".panel").scrollIntoView({ block: "nearest" });
  };
  const after = [...by("grid").children].find(other => other.dataset.symbol > symbol);
  by("grid").insertBefore(button, after ?? null);
  button.setAttribute("aria-pressed", "false");
  if (symbol === FIRST) choose(symbol);
  return { button, price, change };
}

function choose(symbol) {
  chosen = symbol;
  by("symbol").textContent = symbol;
  for (const button of by("grid").children) button.setAttribute("aria-pressed", String(button.dataset.symbol === symbol));
}

/** `▲ 1.25 %`, and its class: not by colour alone. */
function changeOf({ price, close }) {
  const percent = (price / close - 1) * 100, isUp = percent >= 0;
  return { text: `${isUp ? "▲" : "▼"} ${money.format(Math.abs(percent))} %`, kind: isUp ? "up" : "down" };
}

/** Each price changes 25 times a second; nobody reads so fast. */
function drawGrid() {
  for (const stock of stocks.values()) {
    if (stock.isDrawn) continue;
    stock.isDrawn = true;
    const { text, kind } = changeOf(stock.quote);
    stock.price.textContent = money.format(stock.quote.price);
    stock.change.textContent = text;
    stock.change.className = kind;
  }
}

let gridDrawn = -Infinity;
function draw(now) {
  requestAnimationFrame(draw);
  if (now - gridDrawn >= POINT) {
    gridDrawn = now;
    drawGrid();
  }
  by("received").textContent = whole.format(received);
  by("skipped").textContent = whole.format(skipped);
  const stock = stocks.get(chosen);
  if (!stock) return;
  const { text, kind } = changeOf(stock.quote);
  by("price").textContent = money.format(stock.quote.price);
  by("change").textContent = text;
  by("change").className = kind;
  drawChart(stock);
}

const canvas = by("chart"), pen = canvas.getContext("2d");
const dark = matchMedia("(prefers-color-scheme: dark)");
let colours = null;
function readColours() {
  const style = getComputedStyle(document.documentElement);
  const colour = name => style.getPropertyValue(name).trim();
  colours = { line: colour("--accent"), under: colour("--tint"), rule: colour("--rule"), close: colour("--line"), text: colour("--soft") };
}
readColours();
dark.addEventListener("change", readColours);

let labelled = 0;
function drawChart({ points, quote: { symbol, price, close, time } }) {
  const [width, height] = [canvas.clientWidth, canvas.clientHeight], scale = devicePixelRatio;
  if (canvas.width !== Math.round(width * scale) || canvas.height !== Math.round(height * scale)) {
    [canvas.width, canvas.height] = [Math.round(width * scale), Math.round(height * scale)];
  }
  pen.setTransform(scale, 0, 0, scale, 0, 0);
  pen.clearRect(0, 0, width, height);

  const newest = points.at(-1).at, shown = points.filter(({ at }) => at > newest - POINTS);
  const prices = shown.map(point => point.price);
  // Of the close, only if it is near: else the line would be flat.
  const [low, high] = [Math.min(...prices), Math.max(...prices)], room = Math.max((high - low) * 0.15, price * 0.0005);
  const [bottom, top] = [low - room, high + room], right = width - 56;
  const x = at => right - (newest - at) * (right / (POINTS - 1)), y = value => height - 8 - (value - bottom) / (top - bottom) * (height - 16);

  pen.font = "12px " + getComputedStyle(canvas).fontFamily;
  pen.textBaseline = "middle";
  pen.lineWidth = 1;
  for (let line = 0; line <= 4; line += 1) {
    const value = bottom + (top - bottom) * line / 4;
    pen.strokeStyle = colours.rule;
    pen.beginPath();
    pen.moveTo(0, y(value));
    pen.lineTo(right, y(value));
    pen.stroke();
    pen.fillStyle = colours.text;
    pen.fillText(money.format(value), right + 8, y(value));
  }
  if (close > bottom && close < top) {
    pen.strokeStyle = colours.close;
    pen.setLineDash([4, 4]);
    pen.beginPath();
    pen.moveTo(0, y(close));
    pen.lineTo(right, y(close));
    pen.stroke();
    pen.setLineDash([]);
  }
  pen.lineWidth = 2;
  pen.lineJoin = "round";
  // Where nothing was heard there is no line: a slope would look like prices.
  const pieces = [];
  for (const point of shown) {
    if (point.at - (pieces.at(-1)?.at(-1).at ?? -Infinity) > APART) pieces.push([]);
    pieces.at(-1).push(point);
  }
  for (const piece of pieces) {
    pen.beginPath();
    piece.forEach(({ at, price: value }, index) => pen[index ? "lineTo" : "moveTo"](x(at), y(value)));
    pen.strokeStyle = colours.line;
    pen.stroke();
    pen.lineTo(x(piece.at(-1).at), height);
    pen.lineTo(x(piece[0].at), height);
    pen.globalAlpha = 0.5;
    pen.fillStyle = colours.under;
    pen.fill();
    pen.globalAlpha = 1;
  }

  // Once a second is often enough for whoever listens to it.
  if (time - labelled < SECOND) return;
  labelled = time;
  canvas.setAttribute("aria-label", `${symbol} in the last minute: now ${money.format(price)}, between ${money.format(low)} and ${money.format(high)}`);
}

open();
requestAnimationFrame(draw);
showCommands(by("commands"), [
  ["Rust", "a line a second", `cargo run --release -p examples --example ticks -- ${location.origin}/streams/ticks`],
  ["Java", "Caucho's library", `examples/java/run ReadTicks ${location.origin}/streams/ticks/hessian`],
  ["curl", "slowly: 20 KB a second", `curl -sN --limit-rate 20k ${location.origin}/streams/ticks/sse`],
]);
