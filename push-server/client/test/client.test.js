// The client against a server that is made up here: what it asks for, what it tells, what it does about failures.
// No network and no clock: `node --test`.

import assert from "node:assert/strict";
import { afterEach, beforeEach, mock, test } from "node:test";

import { Connection, connect } from "push-client";

const STREAM = "http://server/streams/news";
const encoder = new TextEncoder();

let requests, answers, open;

/** What the next request for `name` gets: a response, a function of the request that gives one, or an error. */
function on(name, ...more) {
  answers[name] = [...(answers[name] ?? []), ...more];
}

/** The last answer stays for all that follow. */
function answer(name, request) {
  const queue = answers[name] ?? [];
  const found = queue.length > 1 ? queue.shift() : queue[0];
  if (found === undefined || found instanceof Error) throw found ?? new TypeError("fetch failed");
  return typeof found === "function" ? found(request) : found;
}

/** A response that grows: `push`, `end` and `cut` feed it. */
function growing(headers = {}) {
  let control;
  const cancelled = { value: false };
  const body = new ReadableStream({
    start(controller) { control = controller; },
    cancel() { cancelled.value = true; },
  });
  return {
    cancelled,
    push: text => control.enqueue(typeof text === "string" ? encoder.encode(text) : text),
    end: () => control.close(),
    cut: () => control.error(new TypeError("network error")),
    response: request => {
      request.signal?.addEventListener("abort", () => {
        try { control.error(request.signal.reason); } catch {}
      });
      return new Response(body, { headers });
    },
  };
}

const json = value => () => new Response(JSON.stringify(value));
const refusal = (status, text, headers = {}) => () =>
  new Response(text, { status, headers: { "content-type": "text/plain; charset=utf-8", ...headers } });
const head = json({ resume: "fresh", from: "ab:0", messages: [], position: "ab:0", next: 5 });
const begin = (position = "ab:0", resume = "fresh") => JSON.stringify({
  event: "begin", position, resume, heartbeat: 15, rotate: 30,
});

/** Lets everything happen that needs no time. */
async function settle() {
  for (let turn = 0; turn < 60; turn++) await Promise.resolve();
  await new Promise(resolve => setImmediate(resolve));
  for (let turn = 0; turn < 60; turn++) await Promise.resolve();
}

async function pass(ms) {
  await settle();
  mock.timers.tick(ms);
  await settle();
}

/** A connection that keeps all that it is told. */
function listen(options = {}) {
  const told = [];
  const keep = event => {
    const { isTrusted: _, ...fields } = Object.fromEntries(Object.entries(event));
    told.push({ type: event.type, ...fields });
  };
  const connection = connect(STREAM, {
    onmessage: keep, onstate: keep, onresume: keep, ongap: keep, onend: keep, onerror: keep, ...options,
  });
  open.push(connection);
  const of = type => told.filter(event => event.type === type);
  return { connection, told, of, values: () => of("message").map(({ data }) => data) };
}

class FakeSocket {
  static all = [];
  constructor(url, protocol) {
    Object.assign(this, { url: String(url), protocol, closed: false, sent: [] });
    FakeSocket.all.push(this);
  }
  say(object) { this.onmessage({ data: typeof object === "string" ? object : JSON.stringify(object) }); }
  cut(code = 1006, reason = "") { this.onclose({ code, reason }); }
  close() { this.closed = true; }
  send(text) { this.sent.push(JSON.parse(text)); }
}

beforeEach(() => {
  requests = [];
  answers = { poll: [head] };
  open = [];
  FakeSocket.all = [];
  globalThis.WebSocket = FakeSocket;
  mock.timers.enable({ apis: ["setTimeout", "Date"], now: 1_000_000 });
  mock.method(Math, "random", () => 1);
  mock.method(globalThis, "fetch", async (url, init = {}) => {
    const name = url.pathname.split("/").at(-1);
    requests.push({ name, query: url.searchParams.toString(), ...init });
    return answer(name, init);
  });
});

afterEach(() => {
  for (const connection of open) connection.close();
  mock.timers.reset();
  mock.restoreAll();
  delete globalThis.WebSocket;
});

const asked = () => requests.map(({ name, query }) => (query ? `${name}?${query}` : name));

// ---- Transports: the same messages, however they come.

const TOLD = [
  { type: "message", data: { text: "grün 🌍" }, position: "ab:1", direct: false },
  { type: "message", data: "a\nb", position: null, direct: true },
  { type: "gap", from: 2, to: 4, position: "ab:4" },
  { type: "message", data: null, position: "ab:5", direct: false },
  { type: "end", position: "ab:5" },
];
const OBJECTS = [
  { position: "ab:1", data: { text: "grün 🌍" } },
  { data: "a\nb" },
  { event: "gap", from: 2, to: 4, position: "ab:4" },
  { event: "news of another year" },
  { position: "ab:5", data: null },
  { event: "end", position: "ab:5" },
];
const news = told => told.filter(({ type }) => type !== "state");

test("events arrive as messages, cut anywhere", async () => {
  const text = ":\n\nretry: 2000\nid: ab:0\n\nid: ab:1\ndata: {\"text\":\ndata: \"grün 🌍\"}\n\ndata: \"a\\nb\"\n\n" +
    "id: ab:4\nevent: gap\ndata: 2-4\n\nevent: other\ndata: x\n\n:\n\nid: ab:5\r\ndata:null\r\n\r\nevent: end\ndata: complete\n\n";
  const bytes = encoder.encode(text);
  for (const size of [1, 2, 3, 7, 64, bytes.length]) {
    const stream = growing({ "push-heartbeat": "15" });
    answers.sse = [stream.response];
    const { told, connection } = listen({ transports: ["sse"] });
    await settle();
    for (let at = 0; at < bytes.length; at += size) stream.push(bytes.subarray(at, at + size));
    await settle();
    assert.deepEqual(news(told), TOLD, `in pieces of ${size}`);
    assert.deepEqual([connection.state, connection.reason], ["closed", "ended by the server"]);
  }
});

test("a WebSocket's texts arrive as messages", async () => {
  const { told } = listen();
  await settle();
  const [socket] = FakeSocket.all;
  assert.deepEqual([socket.url, socket.protocol], ["ws://server/streams/news/ws", "push.json"]);
  socket.say(begin());
  for (const object of OBJECTS) socket.say(object);
  assert.deepEqual(news(told), TOLD);
  assert.ok(socket.closed);
});

test("the answers to polls arrive as messages", async () => {
  for (const [name, first] of [["longpoll", "longpoll?wait=0"], ["poll", "poll"]]) {
    requests = [];
    answers[name] = [
      json({ resume: "fresh", from: "ab:0", messages: OBJECTS.slice(0, 2), position: "ab:1", next: 0 }),
      json({ resume: "complete", from: "ab:1", messages: OBJECTS.slice(2), position: "ab:5", next: null }),
    ];
    const { told } = listen({ transports: [name] });
    await pass(0);
    assert.deepEqual(news(told), TOLD, name);
    assert.deepEqual(asked(), [first, `${name}?since=ab%3A1`]);
  }
});

test("an interval poll is asked again when the server says, and publishing brings the next answer along", async () => {
  const at = (position, ...messages) => ({ resume: "complete", from: position, messages, position, next: 5 });
  answers.poll = [json(at("ab:1")), json(at("ab:1"))];
  on("messages", json({ position: "ab:2", receivers: 1, poll: at("ab:2", { position: "ab:2", data: 2 }) }));
  const { connection, values } = listen({ transports: ["poll"], client: "me" });
  await pass(4_999);
  assert.deepEqual(asked(), ["poll?client=me"]);
  await pass(1);
  assert.deepEqual(asked().slice(1), ["poll?client=me&since=ab%3A1"]);
  assert.deepEqual(await connection.publish({ a: 1 }), { position: "ab:2", receivers: 1 });
  await settle();
  assert.deepEqual(values(), [2]);
  assert.equal(asked().at(-1), "messages?since=ab%3A1&client=me");
  assert.equal(requests.at(-1).headers["content-type"], "application/json");
  assert.equal(requests.at(-1).body, '{"a":1}');
  await pass(5_000);
  assert.equal(asked().at(-1), "poll?client=me&since=ab%3A2");
});

// ---- Where it begins, and goes on.

test("where to begin, and who asks, stand in the address", async () => {
  const stream = growing();
  on("sse", stream.response);
  const { connection } = listen({ transports: ["sse"], last: 3, client: "a@b", rotate: 60 });
  await settle();
  assert.deepEqual(asked(), ["sse?client=a%40b&rotate=60&last=3"]);
  assert.equal(connection.position, null);
  stream.push("id: ab:7\n\n");
  await settle();
  assert.equal(connection.position, "ab:7");
});

test("a query of the stream's address stays", async () => {
  on("sse", growing().response);
  open.push(connect(`${STREAM}/?key=1`, { transports: ["sse"], since: "ab:7" }));
  await settle();
  assert.deepEqual(asked(), ["sse?key=1&since=ab%3A7"]);
});

test("after a cut it goes on where it was, and half a line is no message", async () => {
  const [first, second] = [growing(), growing()];
  on("sse", first.response, second.response);
  const { connection, of, values } = listen({ transports: ["sse"] });
  await settle();
  first.push("id: ab:0\n\nid: ab:1\ndata: 1\n\nid: ab:2\ndata: 2");
  await pass(10_000);
  assert.deepEqual(values(), [1]);
  first.cut();
  await settle();
  assert.equal(connection.state, "waiting");
  assert.match(connection.reason, /^server-sent events: /);
  assert.equal(connection.retryAt, Date.now() + 1_000);
  await pass(1_000);
  assert.deepEqual(asked(), ["sse", "sse?since=ab%3A1"]);
  second.push("id: ab:1\nevent: resume\ndata: complete\n\nid: ab:2\ndata: 2\n\n");
  await settle();
  assert.deepEqual(values(), [1, 2]);
  assert.deepEqual(of("resume"), [{ type: "resume", verdict: "complete", position: "ab:1" }]);
  assert.deepEqual(of("state").map(({ state }) => state), ["connecting", "open", "waiting", "connecting", "open"]);
});

test("a gap and another epoch are told with what is lost", async () => {
  const { of } = listen({ since: "ab:3" });
  await settle();
  FakeSocket.all[0].say(begin("ab:6", "gap 4-6"));
  FakeSocket.all[0].cut();
  await pass(1_000);
  assert.equal(new URL(FakeSocket.all[1].url).searchParams.get("since"), "ab:6");
  FakeSocket.all[1].say(begin("cd:0", "epoch-changed"));
  assert.deepEqual(of("resume"), [
    { type: "resume", verdict: "gap", position: "ab:6", from: 4, to: 6 },
    { type: "resume", verdict: "epoch-changed", position: "cd:0" },
  ]);
});

test("a renewal is no news: at once, and nothing is told", async () => {
  const { connection, told, values } = listen();
  await settle();
  FakeSocket.all[0].say(begin());
  await pass(30_000);
  told.length = 0;
  FakeSocket.all[0].say({ position: "ab:1", data: 1 });
  FakeSocket.all[0].say({ event: "rotate", position: "ab:1" });
  FakeSocket.all[0].say({ position: "ab:2", data: "of a connection that is over" });
  await settle();
  assert.equal(FakeSocket.all[1].url, "ws://server/streams/news/ws?since=ab%3A1");
  FakeSocket.all[1].say(begin("ab:1", "complete"));
  FakeSocket.all[1].say({ position: "ab:2", data: 2 });
  assert.deepEqual(values(), [1, 2]);
  assert.ok(told.every(({ type }) => type === "message"));
  assert.equal(connection.state, "open");
});

test("who is renewed after each message is no faster than once a second, and loses nothing", async () => {
  const { connection, values, of } = listen({ transports: ["ws"] });
  await settle();
  const begins = [];
  for (let turn = 0; turn < 200; turn++) {
    const socket = FakeSocket.all.at(-1);
    if (!socket.closed) {
      begins.push(Date.now());
      const next = `ab:${begins.length}`;
      socket.say(begin(`ab:${begins.length - 1}`, begins.length === 1 ? "fresh" : "complete"));
      socket.say({ position: next, data: begins.length });
      socket.say({ event: "rotate", position: next });
    }
    await pass(50);
  }
  // Ten seconds.
  assert.ok(begins.length >= 9 && begins.length <= 11, String(begins.length));
  assert.deepEqual(values(), begins.map((_, index) => index + 1));
  assert.ok(of("state").every(({ state }) => state !== "waiting"));
  connection.close();
  const count = FakeSocket.all.length;
  await pass(60_000);
  assert.equal(FakeSocket.all.length, count);
});

test("a server that stops sends its clients to the next one, which tells its epoch", async () => {
  answers.poll = [new TypeError("fetch failed")];
  const { connection, values, of } = listen({ transports: ["ws"] });
  await settle();
  FakeSocket.all[0].say(begin());
  FakeSocket.all[0].say({ position: "ab:1", data: 1 });
  await pass(5_000);
  FakeSocket.all[0].say({ event: "rotate", position: "ab:1" });
  await settle();
  // The next one is not there yet.
  FakeSocket.all[1].cut();
  await settle();
  assert.equal(connection.state, "waiting");
  await pass(1_000);
  assert.match(FakeSocket.all[2].url, /since=ab%3A1$/);
  FakeSocket.all[2].say(begin("ac:0", "epoch-changed"));
  FakeSocket.all[2].say({ position: "ac:1", data: 2 });
  assert.deepEqual([connection.state, connection.position, values()], ["open", "ac:1", [1, 2]]);
  assert.deepEqual(of("resume"), [{ type: "resume", verdict: "epoch-changed", position: "ac:0" }]);
  assert.equal(of("end").length, 0);
});

test("who is renewed at once, again and again, backs off", async () => {
  const { of } = listen({ transports: ["ws"] });
  for (let turn = 0; turn < 6; turn++) {
    await pass(40_000);
    FakeSocket.all.at(-1).say(begin());
    FakeSocket.all.at(-1).say({ event: "rotate", position: "ab:0" });
    await settle();
  }
  assert.ok(of("state").filter(({ state }) => state === "waiting").length >= 6);
});

test("after the end there is nothing more, unless the stream is endless", async () => {
  const over = listen();
  await settle();
  FakeSocket.all[0].say(begin());
  FakeSocket.all[0].say({ event: "end", position: "ab:0" });
  await pass(600_000);
  assert.equal(over.connection.state, "closed");
  assert.deepEqual(over.of("end"), [{ type: "end", position: "ab:0" }]);
  assert.equal(FakeSocket.all.length, 1);

  const { connection } = listen({ endless: true });
  await settle();
  FakeSocket.all[1].say(begin());
  FakeSocket.all[1].say({ event: "end", position: "ab:0" });
  assert.equal(connection.state, "waiting");
  await pass(1_000);
  assert.equal(FakeSocket.all.length, 3);
});

// ---- Which transport.

test("a transport that does not begin in time gives way, and is remembered", async () => {
  const held = growing(), stream = growing();
  on("sse", stream.response);
  const { connection, of } = listen();
  await pass(9_999);
  assert.equal(connection.transport, "ws");
  await pass(1);
  assert.ok(FakeSocket.all[0].closed);
  stream.push("id: ab:0\n\n");
  await settle();
  assert.deepEqual([connection.state, connection.transport], ["open", "sse"]);
  assert.equal(of("state").at(-2).reason, "WebSocket: did not begin within 10 s");
  assert.deepEqual(asked(), ["poll?last=0", "sse"]);
  // It goes on with what works, and tries the best one again only later.
  await pass(10_000);
  answers.sse = [held.response];
  stream.cut();
  await pass(1_000);
  assert.equal(FakeSocket.all.length, 1);
  held.push("id: ab:0\n\n");
  await pass(20_000);
  for (let beat = 0; beat < 30; beat++) {
    held.push(":\n\n");
    await pass(20_000);
  }
  held.cut();
  await pass(1_000);
  assert.equal(FakeSocket.all.length, 2);
});

test("what one stream has found out, the others of the tab know", async t => {
  const stored = new Map();
  globalThis.sessionStorage = { getItem: key => stored.get(key) ?? null, setItem: (key, text) => stored.set(key, text) };
  t.after(() => { delete globalThis.sessionStorage; });
  on("sse", growing().response);
  listen();
  await settle();
  FakeSocket.all[0].cut();
  await settle();
  open.push(connect("http://server/streams/other"));
  await settle();
  assert.deepEqual([FakeSocket.all.length, asked().filter(name => name === "sse").length], [1, 2]);
  // What is no memory of ours is passed over.
  for (const text of ["", "null", "7", "[]", "{\"ws\":\"x\"}", "{"]) {
    stored.set([...stored.keys()][0], text);
    open.push(connect(STREAM));
  }
  await settle();
  assert.equal(FakeSocket.all.length, 7);
});

test("one that is refused gives way at once", async () => {
  on("sse", refusal(403, "Streaming is not allowed here."));
  on("longpoll", json({ resume: "fresh", from: "ab:0", messages: [], position: "ab:0", next: 0 }), () => new Promise(() => {}));
  const { connection } = listen({ transports: ["ws", "sse", "longpoll"] });
  await settle();
  FakeSocket.all[0].cut();
  await settle();
  assert.deepEqual([connection.state, connection.transport], ["open", "longpoll"]);
});

test("one that has worked gets three tries", async () => {
  on("sse", growing().response);
  const { connection } = listen({ transports: ["ws", "sse"] });
  await settle();
  FakeSocket.all[0].say(begin());
  for (const wait of [1_000, 2_000]) {
    FakeSocket.all.at(-1).cut();
    await settle();
    assert.deepEqual([connection.state, connection.retryAt], ["waiting", Date.now() + wait]);
    await pass(wait);
  }
  FakeSocket.all.at(-1).cut();
  await settle();
  assert.deepEqual([FakeSocket.all.length, connection.transport], [3, "sse"]);
});

test("time that it works well clears its record", async () => {
  on("sse", growing().response);
  const { connection } = listen({ transports: ["ws", "sse"] });
  for (let turn = 0; turn < 12; turn++) {
    await settle();
    FakeSocket.all.at(-1).say(begin());
    if (turn % 3 === 2) await pass(10_000);
    FakeSocket.all.at(-1).cut();
    await pass(30_000);
  }
  assert.deepEqual([FakeSocket.all.length, connection.transport], [13, "ws"]);
});

test("nothing is tried again and again without a wait, whatever the limits", async () => {
  on("sse", refusal(500, ""));
  const { connection } = listen({ transports: ["sse", "longpoll"], limits: { remembered: 0 } });
  await settle();
  assert.equal(connection.state, "waiting");
  assert.ok(requests.length <= 4, asked().join());
});

test("empty answers that come at once are not asked for without end", async () => {
  const nothing = json({ resume: "complete", from: "ab:0", messages: [], position: "ab:0", next: 0 });
  Object.assign(answers, { longpoll: [nothing], poll: [nothing] });
  for (const name of ["longpoll", "poll"]) {
    requests = [];
    const { connection } = listen({ transports: [name] });
    for (let second = 0; second < 10; second++) await pass(1_000);
    assert.ok(requests.length >= 5 && requests.length <= 12, `${name}: ${requests.length}`);
    connection.close();
  }
});

test("a server that is away is waited for, with the transport that it had", async () => {
  answers.poll = [new TypeError("fetch failed")];
  const { connection, of } = listen({ transports: ["ws", "sse"] });
  for (let turn = 0; turn < 10; turn++) {
    await settle();
    FakeSocket.all.at(-1).cut();
    await pass(30_000);
  }
  assert.equal(FakeSocket.all.length, 11);
  const waits = of("state").filter(({ state }) => state === "waiting");
  assert.ok(waits.every(({ reason }) => reason === "the server cannot be reached"));
  assert.deepEqual([connection.transport, waits.length], ["ws", 10]);
});

test("retries are half at random, and doubled up to a bound", async () => {
  answers.poll = [new TypeError("fetch failed")];
  for (const [random, expected] of [[1, [1, 2, 4, 8, 16, 30, 30]], [0, [0.5, 1, 2, 4, 8, 15, 15]]]) {
    Math.random.mock.mockImplementation(() => random);
    const { connection } = listen({ transports: ["ws"] });
    const delays = [];
    for (let turn = 0; turn < 7; turn++) {
      await settle();
      FakeSocket.all.at(-1).cut();
      await settle();
      delays.push((connection.retryAt - Date.now()) / 1_000);
      await pass(delays.at(-1) * 1_000);
    }
    assert.deepEqual(delays, expected);
    connection.close();
  }
});

test("what the server refuses is told, and not asked for ever", async () => {
  on("sse", refusal(404, "No such stream.\n"));
  answers.poll = [refusal(404, "No such stream.\n")];
  const { connection, of } = listen({ transports: ["sse", "longpoll"] });
  await pass(600_000);
  assert.equal(connection.state, "closed");
  assert.deepEqual(of("error"), [{ type: "error", message: "404: No such stream.", status: 404 }]);
  assert.equal(requests.length, 2);
});

test("nor when it has served before", async () => {
  const { connection } = listen({ transports: ["ws"] });
  await settle();
  FakeSocket.all[0].say(begin());
  answers.poll = [refusal(403, "Log in.")];
  for (let turn = 0; turn < 5; turn++) {
    await settle();
    FakeSocket.all.at(-1).cut();
    await pass(30_000);
  }
  assert.deepEqual([connection.state, connection.reason, FakeSocket.all.length], ["closed", "403: Log in.", 5]);
});

test("no page of a proxy is shown", async () => {
  on("sse", () => new Response("<html>Bad</html>", { status: 403, headers: { "content-type": "text/html" } }));
  answers.poll = [() => new Response("<html>Bad</html>", { status: 403, headers: { "content-type": "text/html" } })];
  const { of } = listen({ transports: ["sse"] });
  await settle();
  assert.equal(of("error")[0].message, "403");
});

test("Retry-After is honoured, up to a bound, and nobody hurries", async () => {
  on("sse", refusal(503, "The server is full.", { "retry-after": "20" }), refusal(503, "", { "retry-after": "86400" }));
  const { connection } = listen({ transports: ["sse"] });
  await settle();
  assert.deepEqual([connection.state, connection.retryAt], ["waiting", Date.now() + 21_000]);
  assert.match(connection.reason, /503: The server is full\./);
  await pass(21_000);
  assert.equal(connection.retryAt, Date.now() + 302_000);
  assert.deepEqual(asked(), ["sse", "sse"]);
});

test("if no transport works, that is told, and all are tried again later", async () => {
  on("sse", refusal(500, "Sorry."));
  const { connection, of } = listen({ transports: ["sse", "longpoll"] });
  await settle();
  assert.equal(connection.state, "waiting");
  assert.match(of("error")[0].message, /^no transport works; long polling: /);
  await pass(1_000);
  assert.deepEqual(asked().filter(name => name === "sse").length, 2);
});

// ---- Silence.

test("a stream that is silent for twice its heartbeat is lost", async () => {
  const [first, second] = [growing({ "push-heartbeat": "4" }), growing()];
  on("sse", first.response, second.response);
  const { connection } = listen({ transports: ["sse"] });
  await settle();
  first.push("id: ab:0\n\n");
  for (let beat = 0; beat < 5; beat++) {
    await pass(4_000);
    first.push(":\n\n");
  }
  await pass(7_999);
  assert.equal(connection.state, "open");
  await pass(1);
  assert.deepEqual([connection.state, connection.reason], ["waiting", "server-sent events: silent for 8 s"]);
});

test("a silent WebSocket is asked about, and kept if nothing is missing", async () => {
  const { connection } = listen({ transports: ["ws"] });
  await settle();
  FakeSocket.all[0].say(begin());
  await pass(30_000);
  await pass(30_000);
  assert.deepEqual(asked(), ["poll?last=0", "poll?last=0"]);
  assert.equal(connection.state, "open");
  // A message is there that has not come.
  answers.poll = [json({ resume: "fresh", from: "ab:1", messages: [], position: "ab:1", next: 5 })];
  await pass(30_000);
  await pass(1_000);
  assert.equal(connection.state, "waiting");
  assert.ok(FakeSocket.all[0].closed);
});

test("one whose server is gone is lost", async () => {
  const { connection } = listen({ transports: ["ws"] });
  await settle();
  FakeSocket.all[0].say(begin());
  answers.poll = [new TypeError("fetch failed")];
  await pass(30_000);
  assert.deepEqual([connection.state, connection.reason], ["waiting", "the server cannot be reached"]);
});

test("a message that nobody answers has the stream asked about, which may have been cut without a word", async () => {
  const stream = growing();
  on("sse", stream.response);
  on("send", new TypeError("fetch failed"), refusal(403, "No."), new TypeError("fetch failed"));
  const { connection } = listen({ transports: ["sse"] });
  await settle();
  stream.push("id: ab:0\n\n");
  await settle();
  await assert.rejects(connection.send(1), /fetch failed/);
  await settle();
  assert.deepEqual([connection.state, asked().slice(1)], ["open", ["send", "poll?last=0"]], "the server is there");
  await assert.rejects(connection.send(2), /403: No\./);
  await settle();
  assert.deepEqual(asked().slice(3), ["send"], "a refusal is an answer");
  answers.poll = [new TypeError("fetch failed")];
  await assert.rejects(connection.send(3), /fetch failed/);
  await settle();
  assert.deepEqual([connection.state, connection.reason], ["waiting", "the server cannot be reached"]);
});

test("who cannot reach the server has the others ask that read from it", async () => {
  const streams = [growing(), growing()];
  on("sse", ...streams.map(({ response }) => response));
  const [first, second] = [listen({ transports: ["sse"] }), listen({ transports: ["sse"] })].map(({ connection }) => connection);
  const elsewhere = connect("http://elsewhere/streams/news", { transports: ["ws"] });
  open.push(elsewhere);
  await settle();
  FakeSocket.all[0].say(begin());
  streams.forEach(({ push }) => push("id: ab:0\n\n"));
  await settle();
  // Cut for itself: the server answers, and nobody else is concerned.
  streams[0].cut();
  await settle();
  assert.deepEqual([first.state, second.state], ["waiting", "open"]);
  const last = growing();
  answers.sse = [last.response];
  await pass(1_000);
  last.push("id: ab:0\n\n");
  await settle();
  assert.equal(first.state, "open");
  answers.poll = [new TypeError("fetch failed")];
  last.cut();
  await settle();
  assert.deepEqual([first, second].map(({ state, reason }) => [state, reason]), Array(2).fill(["waiting", "the server cannot be reached"]));
  assert.equal(elsewhere.state, "open");
});

// ---- Bounds and bad input.

test("what is no JSON fails the transport and loses nothing", async () => {
  const { connection, values } = listen({ transports: ["ws"] });
  await settle();
  FakeSocket.all[0].say(begin());
  FakeSocket.all[0].say({ position: "ab:1", data: 1 });
  FakeSocket.all[0].say("<html>");
  await pass(1_000);
  assert.equal(new URL(FakeSocket.all[1].url).searchParams.get("since"), "ab:1");
  assert.deepEqual([connection.state, values()], ["connecting", [1]]);
});

test("a message past the bound ends the connection, which would only get it again", async () => {
  const limits = { message: 100 };
  const stream = growing();
  on("longpoll", json({ resume: "fresh", from: "ab:0", messages: [{ data: "x".repeat(99) }], position: "ab:0", next: 0 }));
  const lines = growing();
  answers.sse = [stream.response, lines.response];
  const all = ["ws", "sse", "sse", "longpoll"].map(name => listen({ transports: [name], limits }));
  await settle();
  lines.push(`id: ab:0\n\n${"data: 12345\n".repeat(20)}`);
  FakeSocket.all[0].say(begin());
  FakeSocket.all[0].say({ data: "x".repeat(99) });
  stream.push(`id: ab:0\n\ndata: "${"x".repeat(60)}`);
  stream.push("x".repeat(60));
  await settle();
  for (const { connection, of } of all) {
    assert.deepEqual([connection.state, of("message").length], ["closed", 0]);
    assert.match(of("error")[0].message, /longer than 100/);
  }
});

test("a listener that closes gets nothing more", async () => {
  const { connection, told } = listen({ onmessage: () => connection.close() });
  await settle();
  FakeSocket.all[0].say(begin());
  FakeSocket.all[0].say({ position: "ab:1", data: 1 });
  FakeSocket.all[0].say({ position: "ab:2", data: 2 });
  await pass(600_000);
  assert.deepEqual([connection.position, told.at(-1).reason], ["ab:1", "closed by the page"]);
  assert.equal(FakeSocket.all.length, 1);

  const messages = [{ position: "ab:1", data: 1 }, { position: "ab:2", data: 2 }];
  on("longpoll", json({ resume: "fresh", from: "ab:0", messages, position: "ab:2", next: 0 }));
  const polled = listen({ transports: ["longpoll"], onmessage: () => polled.connection.close() });
  await settle();
  assert.equal(polled.connection.position, "ab:1");
});

test("whichever listener closes, it stays closed", async () => {
  answers.poll = [new TypeError("fetch failed")];
  on("sse", refusal(500, ""));
  for (const [type, wanted, endless] of [
    ["onstate", "connecting"], ["onstate", "open"], ["onstate", "waiting"], ["onresume"], ["onend", undefined, true],
  ]) {
    FakeSocket.all = [];
    const { connection, of } = listen({
      endless: endless ?? false, since: "ab:0", transports: ["ws"],
      [type]: event => { if (!wanted || event.state === wanted) connection.close(); },
    });
    await settle();
    FakeSocket.all[0]?.say(begin("ab:0", "complete"));
    FakeSocket.all[0]?.say({ event: endless ? "end" : "rotate", position: "ab:0" });
    await settle();
    FakeSocket.all.at(-1)?.cut();
    await pass(600_000);
    assert.equal(connection.state, "closed", type);
    assert.ok(FakeSocket.all.every(({ closed }) => closed), type);
    assert.ok(FakeSocket.all.length <= 1, type);
    if (type !== "onresume") assert.ok(wanted === "waiting" || endless || of("resume").length === 0, type);
  }
});

test("options that make no sense are refused before anything is asked for", async () => {
  for (const options of [
    { transports: [] }, { transports: ["smoke"] }, { transports: ["toString"] }, { since: "7" }, { since: "ab:" },
    { last: -1 }, { last: 1.5 }, { rotate: "x" }, { client: "" }, { client: "a b" }, { client: "x".repeat(65) },
    { transports: ["script"] },
  ]) {
    assert.throws(() => connect(STREAM, options), TypeError, JSON.stringify(options));
  }
  assert.throws(() => connect("file:///x"), TypeError);
  for (const url of ["http://me:secret@server/streams/news", "http://me@server/streams/news"]) {
    assert.throws(() => connect(url), { name: "TypeError", message: /no name and password/ });
  }
  assert.throws(() => connect("nowhere"), TypeError);
  await settle();
  assert.equal(requests.length + FakeSocket.all.length, 0);
});

test("options that are null are not there, and neither is a fragment", async () => {
  const nothing = Object.fromEntries(
    ["since", "last", "client", "rotate", "transports", "endless", "onmessage", "onstate"].map(name => [name, null]),
  );
  for (const options of [{ ...nothing, limits: { begin: null } }, { ...nothing, limits: null }, null, undefined]) {
    FakeSocket.all = [];
    const connection = connect(`${STREAM}?x=1#top`, options);
    open.push(connection);
    await settle();
    assert.deepEqual(FakeSocket.all.map(({ url }) => url), ["ws://server/streams/news/ws?x=1"]);
    assert.equal(connection.url, `${STREAM}?x=1`);
    FakeSocket.all[0].say(begin());
    FakeSocket.all[0].say({ event: "end", position: "ab:0" });
    assert.equal(connection.state, "closed");
  }
});

test("publishing tells the position, or why not", async () => {
  on("messages", json({ position: "ab:1", receivers: 2 }), refusal(413, "A message has message_bytes = 5 bytes at most."));
  const { connection } = listen();
  await settle();
  assert.deepEqual(await connection.publish(null), { position: "ab:1", receivers: 2 });
  await assert.rejects(connection.publish("long"), { message: /^413: .*message_bytes/, status: 413 });
  await assert.rejects(connection.publish(undefined), TypeError);
});

// ---- Sending.

/** A connection over a WebSocket that has begun. */
async function speaking(options) {
  const { connection, told } = listen(options);
  await settle();
  const socket = FakeSocket.all.at(-1);
  socket.say(begin());
  return { connection, socket, told };
}

/** What became of promises, as far as it has. */
function fates(promises) {
  const fates = promises.map(() => "pending");
  promises.forEach((promise, at) => promise.then(
    value => { fates[at] = value; },
    ({ message, status = null, forPeople = null, retryAfter }) => {
      fates[at] = [message, status, forPeople, ...(retryAfter === undefined ? [] : [retryAfter])];
    },
  ));
  return fates;
}

test("messages go over the WebSocket, in order, and are settled by its answers", async () => {
  const { connection, socket, told } = await speaking();
  const seen = fates([
    connection.send({ a: 1 }),
    connection.send("\ud800</script>\u2028", { to: "ann" }),
    connection.send(null, { to: null }),
    connection.send(1),
    connection.send(2),
  ]);
  assert.deepEqual(socket.sent, [
    { id: 1, data: { a: 1 } },
    { id: 2, to: "ann", data: "\ud800</script>\u2028" },
    { id: 3, data: null },
    { id: 4, data: 1 },
    { id: 5, data: 2 },
  ]);
  socket.say({ event: "sent", id: 1, position: "ab:7", receivers: 3 });
  socket.say({ event: "refused", id: null, status: 429, message: "hex escape", retry: 2 });
  socket.say({ position: "ab:1", data: "between" });
  socket.say({ event: "refused", id: 3, status: 422, message: "It is <b>not</b> your turn.", people: true });
  socket.say({ event: "sent", id: 4, reply: ["right"] });
  socket.say({ event: "sent", id: 5, receivers: 0, waits: true });
  await settle();
  assert.deepEqual(seen, [
    { position: "ab:7", receivers: 3 },
    ["429: hex escape", 429, false, 2_000],
    ["It is <b>not</b> your turn.", 422, true],
    { reply: ["right"] },
    { receivers: 0, waits: true },
  ]);
  assert.equal(connection.position, "ab:1", "where a message stands is not where this reader is");
  assert.deepEqual(news(told).map(({ type }) => type), ["message"]);
  assert.deepEqual(asked(), []);
});

test("no more messages are without an answer than a server takes, and no more wait than is said", async () => {
  const { connection, socket } = await speaking({ limits: { sends: 20 } });
  const seen = fates(Array.from({ length: 21 }, (_, n) => connection.send(n)));
  await settle();
  assert.equal(socket.sent.length, 16);
  assert.deepEqual(seen[20], ["push-client: 20 messages wait to be sent already", null, null]);
  for (let n = 0; n < 20; n++) socket.say({ event: "sent", id: n + 1 });
  await settle();
  assert.deepEqual(socket.sent.map(({ data }) => data), Array.from({ length: 20 }, (_, n) => n));
  assert.deepEqual(seen.slice(0, 20), Array.from({ length: 20 }, () => ({})));
});

test("what is too long for a WebSocket, or too much, goes by requests, in its turn", async () => {
  const { connection, socket } = await speaking({ client: "me" });
  const long = "x".repeat(16_384);
  on("send", json({ receivers: 1, waits: false }));
  const seen = fates([connection.send(1), connection.send(long, { to: "ann" }), connection.send(2)]);
  await settle();
  assert.deepEqual([socket.sent.map(({ data }) => data), asked()], [[1], []]);
  socket.say({ event: "sent", id: 1 });
  await settle();
  assert.deepEqual([asked(), requests[0].body.length], [["send?client=me&to=ann"], 16_386]);
  assert.deepEqual(socket.sent.map(({ data }) => data), [1, 2]);
  socket.say({ event: "sent", id: 3 });
  await settle();
  assert.deepEqual(seen, [{}, { receivers: 1, waits: false }, {}]);
  // Each is short, and all of them are too much: until the next heartbeat.
  const short = "x".repeat(10_000);
  for (let n = 4; n <= 9; n++) {
    const sent = connection.send(short);
    if (socket.sent.at(-1).id === n) socket.say({ event: "sent", id: n });
    await sent;
  }
  assert.deepEqual([socket.sent.length, requests.length], [5, 4]);
  await pass(15_001);
  connection.send(short).catch(() => {});
  assert.equal(socket.sent.length, 6);
});

test("over other transports messages are requests, one after the other", async () => {
  const stream = growing({ "push-heartbeat": "15" });
  answers.sse = [stream.response];
  const { connection } = listen({ transports: ["sse"], client: "me" });
  let first;
  on("send", () => new Promise(resolve => { first = () => resolve(json({ position: "ab:1", receivers: 1 })()); }));
  on("send", () => new Response(JSON.stringify({ status: 422, message: "Not <b>now</b>.", people: true }), {
    status: 422, headers: { "content-type": "application/json" },
  }));
  on("send", refusal(503, "Busy.", { "retry-after": "2" }));
  on("send", json({}));
  const seen = fates(["a", "b", "c", "d"].map(value => connection.send(value, { to: "ann" })));
  await settle();
  assert.deepEqual(asked(), ["sse?client=me"], "nothing is sent before the stream is open");
  stream.push("id: ab:0\n\n");
  await settle();
  assert.deepEqual(asked().slice(1), ["send?client=me&to=ann"]);
  first();
  await settle();
  assert.deepEqual(seen, [
    { position: "ab:1", receivers: 1 }, ["Not <b>now</b>.", 422, true], ["503: Busy.", 503, false, 2_000], {},
  ]);
  assert.deepEqual(requests.slice(1).map(({ body }) => body), ['"a"', '"b"', '"c"', '"d"']);
});

test("sending brings the next answer to an interval poll along", async () => {
  const at = (position, ...messages) => ({ resume: "complete", from: position, messages, position, next: 5 });
  answers.poll = [json(at("ab:1"))];
  on("send", json({ reply: "ok", poll: at("ab:2", { position: "ab:2", data: 2 }) }));
  const { connection, values } = listen({ transports: ["poll"], client: "me" });
  await settle();
  assert.deepEqual(await connection.send(1), { reply: "ok" });
  await settle();
  assert.deepEqual(values(), [2]);
  assert.equal(asked().at(-1), "send?since=ab%3A1&client=me");
});

test("a message whose answer is lost is not sent again, and those behind it go on", async () => {
  const { connection, socket } = await speaking();
  const seen = fates([connection.send(1)]);
  socket.cut();
  const later = fates([connection.send(2)]);
  await pass(1_000);
  assert.match(seen[0][0], /lost before the answer came; the message may have been handled/);
  const next = FakeSocket.all.at(-1);
  assert.deepEqual([next === socket, next.sent], [false, []]);
  next.say(begin("ab:0", "complete"));
  assert.deepEqual(next.sent, [{ id: 2, data: 2 }]);
  next.say({ event: "sent", id: 2 });
  await settle();
  assert.deepEqual(later, [{}]);
});

test("who waits too long is told, whether the message was sent or not", async () => {
  const { connection, socket } = await speaking();
  const seen = fates([connection.send(1)]);
  await pass(29_999);
  assert.deepEqual(seen, ["pending"]);
  await pass(1);
  assert.match(seen[0][0], /not answered; it may have been handled within 30 s/);
  // The answer that comes later is its own.
  const later = fates([connection.send(2)]);
  socket.say({ event: "sent", id: 1, reply: "late" });
  socket.say({ event: "sent", id: 2, reply: "in time" });
  await settle();
  assert.deepEqual(later, [{ reply: "in time" }]);
  const { connection: waiting } = listen();
  const unsent = fates([waiting.send(1)]);
  await pass(30_000);
  assert.match(unsent[0][0], /not sent within 30 s/);
});

test("nothing is sent on a connection that is closed", async () => {
  const { connection, socket } = await speaking();
  const seen = fates([connection.send(1)]);
  const { connection: waiting } = listen();
  const unsent = fates([waiting.send(1)]);
  connection.close();
  waiting.close();
  await settle();
  assert.match(seen[0][0], /may have been handled/);
  assert.match(unsent[0][0], /closed by the page; the message was not sent/);
  await assert.rejects(connection.send(2), { message: /the connection is closed: closed by the page/ });
  assert.equal(socket.sent.length, 1);
  for (const to of ["a b", "", "<b>"]) await assert.rejects(waiting.send(1, { to }), TypeError);
  await assert.rejects(waiting.send(() => {}), TypeError);
});

test("an answer to nothing is not from our server", async () => {
  for (const answer of [{ event: "sent", id: 1 }, { event: "refused", id: null, status: 400, message: "" }]) {
    const { connection, socket } = await speaking();
    socket.say(answer);
    await settle();
    assert.ok(socket.closed && connection.state !== "open");
  }
});

// ---- An iterator.

test("messages can be iterated over, until the end", async () => {
  const { connection } = listen();
  const seen = [];
  const all = (async () => { for await (const { data } of connection) seen.push(data); })();
  await settle();
  FakeSocket.all[0].say(begin());
  FakeSocket.all[0].say({ position: "ab:1", data: 1 });
  FakeSocket.all[0].say({ position: "ab:2", data: 2 });
  FakeSocket.all[0].say({ event: "end", position: "ab:2" });
  await all;
  assert.deepEqual(seen, [1, 2]);
});

test("a loop that falls behind is told, after what waited", async () => {
  const { connection } = listen({ limits: { queue: 3 } });
  const messages = connection[Symbol.asyncIterator]();
  const first = messages.next();
  await settle();
  FakeSocket.all[0].say(begin());
  for (let n = 1; n <= 9; n++) FakeSocket.all[0].say({ position: `ab:${n}`, data: n });
  assert.equal((await first).value.data, 1);
  assert.equal((await messages.next()).value.data, 2);
  assert.equal((await messages.next()).value.data, 3);
  await assert.rejects(messages.next(), RangeError);
  assert.equal(connection.state, "open");
});

test("a loop ends with the reason when the server refuses, and at once when it is left", async () => {
  on("ws", null);
  const { connection } = listen({ transports: ["longpoll"] });
  on("longpoll", refusal(404, "No such stream."));
  on("poll", refusal(404, "No such stream."));
  await assert.rejects(async () => { for await (const _ of connection); }, { message: /No such stream/, status: 404 });
  const { connection: other } = listen();
  const messages = other[Symbol.asyncIterator](), waiting = messages.next();
  await settle();
  assert.deepEqual(await messages.return(), { value: undefined, done: true });
  assert.deepEqual(await waiting, { value: undefined, done: true });
});

test("limits that are not given are those that are documented, and others are refused", () => {
  const limits = { retryFirst: undefined, queue: 5 };
  open.push(new Connection(STREAM, { limits }));
  for (const wrong of [{ queue: "many" }, { queue: NaN }, { que: 5 }]) {
    assert.throws(() => new Connection(STREAM, { limits: wrong }), TypeError);
  }
});

test("a class for those who want one", () => {
  const connection = new Connection(STREAM);
  open.push(connection);
  assert.deepEqual([connection.url, connection.state, connection.position], [STREAM, "connecting", null]);
});
