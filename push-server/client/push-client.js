// Reads a stream of a push-server: over the best transport that works, resumed where it was after every cut. And sends on it.
//
//   import { connect } from "/push-client.js";
//   const news = connect("/streams/news", { last: 10, onmessage: ({ data }) => console.log(data) });
//   await news.send({ text: "hello" }, { to: "ann" });
//
// No dependency, no build step, nothing evaluated: values are data. What it does for its caller is documented in
// push-client.d.ts, the contract with the server in the README. In three parts: the transports, each of which turns
// what comes into the same objects; `Connection`, which decides what to open next; a state for people to see.

const TRANSPORTS = ["ws", "sse", "xhr", "longpoll", "poll"];

const LIMITS = {
  begin: 10_000, // ms until a transport must have begun, a probe be answered
  steady: 10_000, // ms after which a connection has proved itself
  strikes: 3, // failures in a row, on a server that answers, after which a transport that did work is passed over
  remembered: 600_000, // ms for which it is
  retryFirst: 1_000, // ms before the first retry, doubled for each that follows, less a random half
  retryMost: 30_000,
  retryAfterMost: 300_000, // ms of a server's Retry-After that are honoured
  refusals: 5, // answers 4xx in a row, after the stream has been open once, before that is the end; else the first is
  heartbeat: 15_000, // ms of silence that are normal, where the server does not say
  longpoll: 60_000, // ms for an answer to a long poll
  send: 30_000, // ms for an answer to what is sent or published
  sends: 256, // messages that wait to be sent, or for their answers
  message: 4 << 20, // characters of one message, or one answer to a poll
  text: 8 << 20, // characters of responseText, after which the XMLHttpRequest is renewed
  queue: 1_024, // messages that wait for an async iterator
};

// ms that something takes at least that could else go on without end: a renewal, an empty answer, a second look.
const LEAST = 1_000;
// Messages on a WebSocket without an answer: half as many as a server takes.
const UNANSWERED = 16;
// Bytes of one message on a WebSocket, and of all within a heartbeat, that are less than a server takes, wherever that counts
// from. More goes by a request of its own.
const FRAME = 48 << 10, FRAMES = 96 << 10;
// The longest time that setTimeout knows: past it, it does not wait at all.
const LONGEST = 2 ** 31 - 1;

const NAMES = Object.freeze({
  ws: "WebSocket", sse: "server-sent events", xhr: "XHR streaming",
  longpoll: "long polling", poll: "polling", script: "script tags",
});

// What an answer other than 2xx says: to whoever has written the page, or to the people who use it.
class Refusal extends Error {
  constructor(status, text, retryAfter, forPeople = false) {
    super(forPeople ? text : `${status}${text ? `: ${text}` : ""}`);
    this.status = status;
    this.forPeople = forPeople;
    const seconds = Number(retryAfter ?? NaN);
    const ms = Number.isNaN(seconds) ? Date.parse(retryAfter) - Date.now() : seconds * 1_000;
    if (ms >= 0) this.retryAfter = ms;
  }
}

async function fetched(url, init) {
  const response = await fetch(url, { cache: "no-store", ...init });
  if (response.ok) return response;
  // Our server's refusals are a line of text, or an object if they are for people; a proxy's pages are nothing to show.
  const type = /^(text\/plain|application\/json)/.exec(response.headers.get("content-type"))?.[1];
  let text = type ? await body(response, 8_192).catch(() => "") : (response.body?.cancel(), response.statusText);
  text = text.trim();
  let people;
  try {
    if (type === "application/json") ({ message: text, people } = JSON.parse(text));
  } catch {}
  throw new Refusal(response.status, String(text), response.headers.get("retry-after"), people === true);
}

// Gives `take` the text of a response as it comes.
async function read(response, take) {
  const reader = response.body.getReader(), decoder = new TextDecoder();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    take(decoder.decode(value, { stream: true }));
  }
}

async function body(response, most) {
  let text = "";
  await read(response, piece => {
    if ((text += piece).length > most) throw new RangeError(`an answer is longer than ${most} characters`);
  });
  return text;
}

// Cuts what comes in pieces into lines. A line counts once its end is there: the rest of a cut is none.
function lines(most, take) {
  let rest = "";
  return piece => {
    const parts = piece.split("\n");
    parts[0] = rest + parts[0];
    rest = parts.pop();
    for (const line of parts) take(line);
    if (rest.length > most) throw new RangeError(`a line is longer than ${most} characters`);
  };
}

// Server-sent events, as `take(type, data, id)`; `id` is undefined where an event has none of its own.
function events(most, take) {
  let fields = {};
  return lines(most, line => {
    line = line.replace(/\r$/, "");
    if (line === "") {
      if (fields.id ?? fields.event ?? fields.data) take(fields.event ?? "message", fields.data, fields.id);
      fields = {};
      return;
    }
    const [, name, value] = /^([^:]*):? ?(.*)$/s.exec(line);
    fields[name] = name === "data" && fields.data !== undefined ? `${fields.data}\n${value}` : value;
    if (fields.data?.length > most) throw new RangeError(`an event is longer than ${most} characters`);
  });
}

// Each transport is a function that runs as long as its connection, and throws what went wrong. It gets a link:
// `url(name, parameters)` to ask for, `heard()` for every sign of life, `receive(object)` for the objects of the
// contract, `text(json)` for one as text, `answer` for those of a poll, `signal` to let go.
const transports = {
  async ws(link) {
    const url = link.url("ws");
    url.protocol = url.protocol.replace("http", "ws");
    const socket = new WebSocket(url, "push.json");
    link.signal.addEventListener("abort", () => socket.close());
    // A script does not see the server's pings, so silence proves nothing.
    link.isQuiet = true;
    socket.onmessage = ({ data }) => link.text(data);
    link.say = text => socket.send(text);
    await new Promise((_, fail) => {
      socket.onclose = ({ code, reason }) => {
        link.say = null;
        fail(Error(`closed with ${code}${reason && ` ${reason}`}`));
      };
    });
  },

  // By `fetch`, for an EventSource shows neither heartbeats nor the status of a refusal.
  async sse(link) {
    const headers = { accept: "text/event-stream" };
    const response = await fetched(link.url("sse"), { headers, signal: link.signal });
    const heartbeat = Number(response.headers.get("push-heartbeat"));
    let hasBegun = false;
    const feed = events(link.limits.message, (type, data, position) => {
      if (!hasBegun) link.receive({ event: "begin", position, resume: type === "resume" ? data : "fresh", heartbeat });
      hasBegun = true;
      if (type === "message" && data !== undefined) link.receive({ position, data: link.parse(data) });
      if (type === "gap") link.receive({ event: type, position, ...range(data) });
      if (type === "rotate") link.receive({ event: type, position: data });
      if (type === "end") link.receive({ event: type });
    });
    await read(response, piece => { link.heard(); feed(piece); });
  },

  async xhr(link) {
    const request = new XMLHttpRequest(), feed = lines(link.limits.message, link.text);
    let length = 0;
    const more = () => {
      link.heard();
      const text = request.responseText, from = length;
      length = text.length;
      feed(text.slice(from));
      // The text is kept as long as the request lives.
      if (length > link.limits.text) link.receive({ event: "rotate" });
    };
    link.signal.addEventListener("abort", () => request.abort());
    request.open("GET", link.url("xhr"));
    await new Promise((end, fail) => {
      const act = react => () => { try { react(); } catch (error) { fail(error); } };
      request.onprogress = act(() => { if (request.status === 200) more(); });
      request.onload = act(() => { if (request.status === 200) more(); end(); });
      request.onerror = () => fail(Error("the connection was cut"));
      request.send();
    });
    if (request.status === 200) return;
    const isText = request.getResponseHeader("content-type")?.startsWith("text/plain");
    const text = isText ? request.responseText.slice(0, 1_024).trim() : request.statusText;
    throw new Refusal(request.status, text, request.getResponseHeader("retry-after"));
  },

  async longpoll(link) {
    // The first is answered at once, and shows that answers come.
    for (let wait = 0; !link.signal.aborted; wait = null) {
      const asked = Date.now(), answer = await link.ask("longpoll", { wait });
      link.answer(answer, link.limits.longpoll);
      // Nothing, at once: whoever answers so would be asked without end.
      const isHasty = wait === null && answer.messages.length === 0 && Date.now() - asked < LEAST;
      if (isHasty) await new Promise(go => setTimeout(go, LEAST));
    }
  },

  async poll(link) {
    let stop;
    link.signal.addEventListener("abort", () => stop?.());
    for (let answer = null; !link.signal.aborted; ) {
      answer ??= await link.ask("poll");
      const asked = Math.min(1_000 * answer.next, LONGEST - link.limits.begin);
      const next = asked > 0 ? asked : answer.messages.length > 0 ? 0 : LEAST;
      link.answer(answer, next + link.limits.begin);
      // Meanwhile a publication may borrow the turn, and bring the next answer along.
      answer = await new Promise(resolve => {
        const timer = setTimeout(resolve, next, null);
        link.borrow = () => { clearTimeout(timer); link.borrow = null; return resolve; };
        stop = () => { clearTimeout(timer); resolve(null); };
      });
    }
  },

  // A document that never ends, in a frame of a frame, whose window has the functions that the script tags call: the
  // page's own has none of them, and every connection has its own.
  async script(link) {
    // Before that the page would go on loading as long as the stream lives.
    for (; document.readyState !== "complete"; link.heard()) await new Promise(go => setTimeout(go, 50));
    // A document says where it begins only to who has told it where to begin.
    const isFresh = !link.position;
    const since = link.position ?? (await link.ask("poll", { client: null })).from;
    if (link.signal.aborted) return;
    let end;
    const ended = new Promise(resolve => { end = resolve; });
    const outer = document.createElement("iframe");
    outer.hidden = true;
    outer.title = "Carries a stream";
    outer.onload = () => {
      outer.onload = null;
      const frame = outer.contentDocument.createElement("iframe");
      Object.assign(outer.contentWindow, {
        comet_resume(resume, position) {
          link.receive({ event: "begin", position, resume: isFresh && resume === "complete" ? "fresh" : resume });
          // A heartbeat is a line feed in the text. That they stay away is all that is seen of a cut: there is no event.
          const all = { subtree: true, childList: true, characterData: true };
          new MutationObserver(link.heard).observe(frame.contentDocument, all);
        },
        comet_update(data, position) {
          // What has run is of no more use, and the document would only grow.
          frame.contentDocument.currentScript?.remove();
          // A value of this window outlives the frame.
          link.receive({ data: structuredClone(data), ...(position === null ? {} : { position }) });
        },
        comet_gap: (from, to) => {
          link.receive({ event: "gap", from, to, position: link.position.replace(/:.*/, `:${to}`) });
        },
        comet_end: (why, position) => link.receive({ event: why === "rotate" ? why : "end", position }),
      });
      // A document that comes to its end has loaded.
      frame.onload = end;
      frame.src = link.url("script", { since, last: null });
      outer.contentDocument.body.append(frame);
    };
    // Not while one of its scripts is running.
    link.signal.addEventListener("abort", () => setTimeout(() => outer.remove()));
    document.body.append(outer);
    await ended;
  },
};

// `3-6`, alone or at the end of `gap 3-6`.
function range(text) {
  const [, from, to] = /(\d+)-(\d+)$/.exec(text) ?? [];
  return from === undefined ? {} : { from: Number(from), to: Number(to) };
}

const isHere = {
  ws: () => typeof WebSocket === "function",
  xhr: () => typeof XMLHttpRequest === "function",
  script: () => typeof document === "object",
};

// Transports that did not work with this server, each with the time until which it is passed over, for all of the tab.
class Memory {
  #key;
  #until = {};

  constructor(url) {
    this.#key = `push-client ${url.origin}`;
    try {
      this.#until = Object(JSON.parse(sessionStorage.getItem(this.#key)));
    } catch {} // no storage here
  }

  has(transport) {
    return this.#until[transport] > Date.now();
  }

  add(transport, ms) {
    this.#until[transport] = Date.now() + ms;
    this.#store();
  }

  clear() {
    this.#until = {};
    this.#store();
  }

  #store() {
    try {
      sessionStorage.setItem(this.#key, JSON.stringify(this.#until));
    } catch {}
  }
}

// An answer that another try will not change.
function isRefusal({ status }) {
  return status >= 400 && status < 500 && ![408, 425, 429].includes(status);
}

// A browser reports what a listener throws, and goes on; Node would end.
function guarded(listener, event) {
  try {
    listener(event);
  } catch (error) {
    (globalThis.reportError ?? console.error)(error);
  }
}

function checkClient(name, what) {
  if (name !== undefined && !/^[\w\-.~@:]{1,64}$/.test(name)) {
    throw new TypeError(`push-client: ${what} is 1 to 64 letters, digits and -_.~@:`);
  }
}

function jsonOf(value) {
  const json = JSON.stringify(value);
  if (json === undefined) throw new TypeError("push-client: this value has no JSON");
  return json;
}

// The options that are there.
function given(options) {
  return Object.fromEntries(Object.entries(options ?? {}).filter(([, value]) => (value ?? null) !== null));
}

class PushEvent extends Event {
  constructor(type, fields) {
    super(type);
    Object.assign(this, fields);
  }
}

class Connection extends EventTarget {
  static #all = new Set(); // that are not closed
  #url;
  #options;
  #limits;
  #transports;
  #memory;
  #position;
  #status = { state: "connecting", transport: null, reason: null, retryAt: null };
  #link = null;
  #timer;
  #tries = 0;
  #strikes = {};
  #worked = new Set();
  #refusals = 0;
  #refusal = null;
  #mayHurry = true;
  #closing = new AbortController();
  #sends = []; // in order; those that are under way come first
  #lastId = 0;

  constructor(url, options) {
    super();
    this.#url = new URL(url, globalThis.document?.baseURI ?? globalThis.location?.href);
    // What is null is not given: `connection.position` is, before there is one.
    options = given(options);
    this.#options = options;
    const own = Object.entries(given(options.limits));
    this.#limits = { ...LIMITS, ...Object.fromEntries(own) };
    const { transports: wanted = TRANSPORTS, since, last, client, rotate } = options;
    const isWhole = number => number === undefined || (Number.isInteger(number) && number >= 0);
    const check = (isGood, what) => { if (!isGood) throw new TypeError(`push-client: ${what}`); };
    check(/^https?:$/.test(this.#url.protocol), "a stream is at an address of http or https");
    // `fetch` refuses these, and WebSockets drop them.
    check(this.#url.username + this.#url.password === "", "a stream's address has no name and password in it");
    // It stays in the page: `new WebSocket` refuses one.
    this.#url.hash = "";
    for (const [name, limit] of own) {
      const isTime = limit > (name === "remembered" ? -1 : 0) && limit <= LONGEST;
      check(Object.hasOwn(LIMITS, name) && isTime, `limits are ${Object.keys(LIMITS).join(", ")}: above 0, below 2^31`);
    }
    check(wanted.length > 0 && wanted.every(name => Object.hasOwn(transports, name)),
      `transports are some of ${Object.keys(transports).join(", ")}`);
    check(since === undefined || /^[0-9a-f]+:\d+$/.test(since), "since is a position, epoch:sequence");
    check(isWhole(last), "last is how many messages to begin with");
    check(isWhole(rotate), "rotate is a whole number of seconds");
    checkClient(client, "client");
    this.#transports = wanted.filter(name => isHere[name]?.() ?? true);
    check(this.#transports.length > 0, "none of these transports can be used here");
    this.#position = since;
    this.#memory = new Memory(this.#url);
    for (const type of ["message", "state", "resume", "gap", "end", "error"]) {
      const listener = options[`on${type}`];
      if (listener) this.addEventListener(type, event => guarded(listener, event));
    }
    const { signal } = this.#closing;
    const on = (target, type, react) => target?.addEventListener?.(type, react, { signal });
    // Another network may have other proxies.
    on(globalThis, "online", () => { this.#forgive(); this.#hurry(); });
    on(globalThis, "offline", () => this.#doubt());
    on(globalThis, "pageshow", ({ persisted }) => { if (persisted) this.#hurry(); });
    on(globalThis.document, "visibilitychange", () => { if (!document.hidden) this.#hurry(); });
    Connection.#all.add(this);
    // After who called has added listeners.
    queueMicrotask(() => this.#open());
  }

  get url() { return this.#url.href; }
  get position() { return this.#position ?? null; }
  get state() { return this.#status.state; }
  get transport() { return this.#status.transport; }
  get reason() { return this.#status.reason; }
  get retryAt() { return this.#status.retryAt; }

  close() {
    this.#finish("closed by the page");
  }

  async publish(value) {
    const { position, receivers } = await this.#post("messages", {}, jsonOf(value), AbortSignal.timeout(this.#limits.send));
    return { position, receivers };
  }

  async send(value, options) {
    const { to } = given(options), json = jsonOf(value), { send, sends } = this.#limits;
    checkClient(to, "to");
    if (this.state === "closed") throw Error(`push-client: the connection is closed: ${this.reason}`);
    if (this.#sends.length >= sends) throw new RangeError(`push-client: ${sends} messages wait to be sent already`);
    return new Promise((resolve, reject) => {
      const control = new AbortController();
      const message = { id: ++this.#lastId, to, json, link: null, isUnderWay: false, control };
      const timer = setTimeout(() => {
        // What is on a WebSocket keeps its place: its answer may still come.
        if (!message.link) this.#sends = this.#sends.filter(other => other !== message);
        const what = message.isUnderWay ? "not answered; it may have been handled" : "not sent";
        message.settle(reject, Error(`push-client: ${what} within ${send / 1_000} s`));
        this.#pump();
      }, send);
      message.settle = (how, what) => {
        clearTimeout(timer);
        control.abort();
        how(what);
      };
      message.resolve = receipt => message.settle(resolve, receipt);
      message.reject = error => message.settle(reject, error);
      this.#sends.push(message);
      this.#pump();
    });
  }

  // Sends what may be sent now, in order: on the WebSocket if that is it, else by requests, one after the other. What the
  // stream does not go over now waits until it does.
  #pump() {
    const link = this.#link;
    if (this.state !== "open" || !link) return;
    for (;;) {
      const first = this.#sends.findIndex(({ isUnderWay }) => !isUnderWay), message = this.#sends[first];
      if (!message) return;
      // Behind a request, or more than a WebSocket takes.
      if (first > 0 && (first >= UNANSWERED || this.#sends[first - 1].link !== link)) return;
      const { id, to, json } = message, speaks = link.say && link.begun !== null;
      if (!speaks || !link.affords(json)) {
        if (first === 0) this.#request(message);
        return;
      }
      Object.assign(message, { link, isUnderWay: true });
      link.say(`{"id":${id},${to ? `"to":"${to}",` : ""}"data":${json}}`);
    }
  }

  async #request(message) {
    const { to, json, control } = message, { client } = this.#options;
    message.isUnderWay = true;
    await this.#post("send", { client, to }, json, control.signal).then(message.resolve, message.reject);
    this.#sends = this.#sends.filter(other => other !== message);
    this.#pump();
  }

  // The answer to the first message that is under way, on the WebSocket that it went over.
  #answered(link, { event, id, status, message: text, people, retry, ...receipt }) {
    const message = this.#sends[0];
    if (message?.link !== link || (id !== null && id !== message.id)) return link.fail(Error("an answer to nothing"));
    this.#sends.shift();
    if (event === "sent") message.resolve(receipt);
    else message.reject(new Refusal(status, text, retry, people === true));
    this.#pump();
  }

  // Whether and how they were handled nobody knows: that was to come over this link.
  #forsake(link) {
    const lost = this.#sends.filter(message => message.link === link);
    this.#sends = this.#sends.filter(message => message.link !== link);
    for (const message of lost) {
      message.reject(Error("push-client: the connection was lost before the answer came; the message may have been handled"));
    }
  }

  // Posts JSON. What has gathered meanwhile comes along where the stream is polled.
  async #post(name, parameters, json, signal) {
    const give = this.#link?.borrow?.();
    const { client } = this.#options;
    let gathered = null;
    try {
      const url = this.#address(name, { ...(give ? { since: this.#position, client } : {}), ...parameters });
      const headers = { "content-type": "application/json" };
      const response = await fetched(url, { method: "POST", headers, body: json, signal });
      const { poll, ...receipt } = JSON.parse(await body(response, this.#limits.message));
      gathered = poll ?? null;
      return receipt;
    } catch (error) {
      // Nobody has answered: nor may what is awaited ever come, though a link that sees no cuts shows nothing of it.
      if (!(error instanceof Refusal)) this.#doubt();
      throw error;
    } finally {
      give?.(gathered);
    }
  }

  // Has every message from this call on. Ends when the connection is closed, with an error if the server refused.
  [Symbol.asyncIterator]() {
    const queue = [], stop = new AbortController(), most = this.#limits.queue;
    const waiting = [], wake = () => waiting.splice(0).forEach(go => go());
    let isLost = false;
    const on = (type, react) => this.addEventListener(type, react, { signal: stop.signal });
    on("message", message => {
      isLost ||= queue.length >= most;
      if (!isLost) queue.push(message);
      wake();
    });
    on("state", wake);
    const end = () => { stop.abort(); wake(); return { value: undefined, done: true }; };
    const next = async () => {
      while (!stop.signal.aborted) {
        if (queue.length > 0) return { value: queue.shift(), done: false };
        const lost = isLost && new RangeError(`push-client: the reader is more than ${most} messages behind`);
        const failure = lost || (this.state === "closed" && this.#refusal);
        if (failure || this.state === "closed") end();
        if (failure) throw failure;
        if (!stop.signal.aborted) await new Promise(go => waiting.push(go));
      }
      return end();
    };
    return { next, return: async () => end(), [Symbol.asyncIterator]() { return this; } };
  }

  #emit(type, fields) {
    // A listener that throws is reported by the browser, and stops nobody.
    this.dispatchEvent(new PushEvent(type, fields));
  }

  #tell(state, transport, reason = null, retryAt = null) {
    const old = this.#status;
    this.#status = { state, transport, reason, retryAt };
    if (state !== old.state || transport !== old.transport || reason !== old.reason || retryAt !== old.retryAt) {
      this.#emit("state", { ...this.#status });
    }
  }

  #address(name, parameters) {
    const url = new URL(this.#url);
    url.pathname = `${url.pathname.replace(/\/$/, "")}/${name}`;
    for (const [key, value] of Object.entries(parameters)) {
      if (value !== undefined && value !== null) url.searchParams.set(key, value);
    }
    return url;
  }

  #next() {
    return this.#transports.find(name => !this.#memory.has(name));
  }

  #forgive() {
    this.#memory.clear();
    this.#strikes = {};
  }

  // Opens the best transport. `isRenewed`: the stream goes on, there is nothing to tell.
  #open(isRenewed = false, reason = null) {
    if (this.state === "closed") return;
    clearTimeout(this.#timer);
    if (this.#next() === undefined) this.#forgive();
    const transport = this.#next(), limits = this.#limits, control = new AbortController(), { signal } = control;
    const live = act => (...values) => { if (!signal.aborted) return act(...values); };
    const link = {
      transport, limits, signal, control, isRenewed, isQuiet: false, borrow: null,
      begun: null, hasServed: false, say: null, spent: { since: 0, bytes: 0 }, heardAt: Date.now(), patience: limits.begin,
      position: this.#position,
      url: (name, parameters) => {
        const { client, rotate, last } = this.#options, since = this.#position;
        return this.#address(name, { client, rotate, ...(since ? { since } : { last }), ...parameters });
      },
      ask: async (name, parameters) => {
        const response = await fetched(link.url(name, parameters), { signal });
        return link.parse(await body(response, limits.message));
      },
      parse: text => {
        try {
          return JSON.parse(text);
        } catch {
          throw Error("what came is not from a push-server");
        }
      },
      // Whether a WebSocket takes so much more now.
      affords: json => {
        const bytes = 3 * json.length + 128;
        if (Date.now() - link.spent.since > link.patience / 2) link.spent = { since: Date.now(), bytes: 0 };
        if (bytes > FRAME || link.spent.bytes + bytes > FRAMES) return false;
        link.spent.bytes += bytes;
        return true;
      },
      heard: live(() => { link.heardAt = Date.now(); }),
      receive: live(object => { link.heard(); this.#receive(link, object); }),
      text: live(text => {
        link.heard();
        if (text.length > limits.message) return link.fail(RangeError(`a message is longer than ${limits.message}`));
        try {
          if (text.trim() !== "") link.receive(link.parse(text));
        } catch (error) {
          link.fail(error);
        }
      }),
      answer: live(({ resume, from, messages, position }, patience) => {
        link.receive({ event: "begin", position: from, resume });
        for (const object of messages) link.receive(object);
        if (signal.aborted) return;
        this.#position = position;
        link.patience = patience;
      }),
      fail: live(error => this.#failed(link, error)),
    };
    this.#link = link;
    if (!isRenewed) this.#tell("connecting", transport, reason);
    if (signal.aborted) return; // closed by a listener
    this.#watch(link);
    transports[transport](link).then(() => link.fail(Error("the response ended")), link.fail);
  }

  #receive(link, object) {
    const { event, position, data, ...notice } = object;
    // Where that stands, not where this reader is.
    if (event === "sent" || event === "refused") return this.#answered(link, object);
    if (position !== undefined) this.#position = link.position = position;
    if (event === undefined) {
      link.hasServed = true;
      this.#emit("message", { data, position: position ?? null, direct: position === undefined });
    } else if (event === "begin") {
      this.#begin(link, position, notice);
    } else if (event === "gap") {
      this.#emit("gap", { from: notice.from, to: notice.to, position });
    } else if (event === "rotate") {
      // Sent away at once: that could go on without end.
      const lived = link.begun === null ? 0 : Date.now() - link.begun;
      if (!link.hasServed && lived < LEAST) return this.#failed(link, Error("renewed at once"));
      this.#proved(link);
      this.#drop();
      if (lived >= LEAST) return this.#open(true);
      this.#timer = setTimeout(() => this.#open(true), LEAST - lived);
    } else if (event === "end") {
      this.#emit("end", { position: this.position });
      if (!this.#options.endless) return this.#finish("ended by the server");
      this.#drop();
      this.#wait("ended by the server");
    }
  }

  #begin(link, position, { resume, heartbeat }) {
    const verdict = resume.replace(/ .*/, "");
    const isFirst = link.begun === null;
    link.begun ??= Date.now();
    link.patience = 2 * (1_000 * heartbeat || this.#limits.heartbeat);
    clearTimeout(this.#timer);
    this.#watch(link);
    this.#worked.add(link.transport);
    this.#refusals = 0;
    this.#tell("open", link.transport);
    // What goes on as it should is no news.
    if (isFirst) this.#pump();
    const isNews = verdict !== "complete" || (isFirst && !link.isRenewed);
    if (verdict === "fresh" || !isNews || link.signal.aborted) return;
    this.#emit("resume", { verdict, position, ...range(resume) });
  }

  // Fails a link of which nothing is heard for its patience.
  #watch(link) {
    clearTimeout(this.#timer);
    if (link !== this.#link) return;
    const left = link.heardAt + link.patience - Date.now();
    if (left > 0) {
      this.#timer = setTimeout(() => this.#watch(link), left);
    } else if (link.begun !== null && link.isQuiet) {
      this.#doubt();
    } else {
      const problem = link.begun === null ? "did not begin within" : "silent for";
      link.fail(Object.assign(Error(`${problem} ${link.patience / 1_000} s`), { isSilence: true }));
    }
  }

  // Asks the server where the stream is. Failing that, or if messages stay away that are there, the link is lost.
  async #doubt() {
    const link = this.#link;
    if (!link || link.begun === null || link.isDoubted) return;
    link.isDoubted = true;
    clearTimeout(this.#timer);
    const before = link.heardAt;
    const silence = Object.assign(Error("nothing comes any more"), { isSilence: true });
    try {
      const { position } = await this.#probe();
      // What is under way gets a moment. An interval poll may well be behind.
      const isBehind = () => link.heardAt === before && position !== this.#position && link.transport !== "poll";
      if (isBehind()) await new Promise(go => setTimeout(go, LEAST));
      if (isBehind()) link.fail(silence);
    } catch {
      link.fail(silence);
    }
    link.isDoubted = false;
    link.heard();
    if (!link.signal.aborted) this.#watch(link);
  }

  // A poll that takes nothing and comes back at once.
  async #probe() {
    const signal = AbortSignal.timeout(this.#limits.begin);
    const response = await fetched(this.#address("poll", { last: 0 }), { signal });
    return JSON.parse(await body(response, this.#limits.message));
  }

  #drop() {
    clearTimeout(this.#timer);
    const link = this.#link;
    link?.control.abort();
    this.#link = null;
    if (link) this.#forsake(link);
  }

  #proved(link) {
    this.#tries = 0;
    delete this.#strikes[link.transport];
  }

  // The link is over without a farewell. Whose fault is it?
  async #failed(link, error) {
    this.#drop();
    const { transport, begun } = link, reason = `${NAMES[transport]}: ${error.message}`;
    if (error instanceof RangeError) return this.#refuse(error, reason);
    if (begun !== null && Date.now() - begun >= this.#limits.steady && !error.isSilence) {
      this.#proved(link);
      return this.#wait(reason);
    }
    // That is the server's word.
    if (error.retryAfter !== undefined) return this.#wait(reason, error.retryAfter);
    this.#tell("connecting", transport, reason);
    try {
      await this.#probe();
    } catch (problem) {
      if (this.state === "closed" || this.#link) return;
      if (isRefusal(problem)) {
        return this.#refused(problem, problem.message);
      }
      const isDown = problem.status === undefined;
      // Not for this one alone, though others may not have seen it.
      if (isDown) for (const other of Connection.#all) if (other.#url.origin === this.#url.origin) other.#doubt();
      const offline = globalThis.navigator?.onLine === false ? "offline" : "the server cannot be reached";
      return this.#wait(isDown ? offline : problem.message, problem.retryAfter);
    }
    if (this.state === "closed" || this.#link) return;
    // The server answers: it is the transport.
    const { strikes, remembered } = this.#limits;
    const count = (this.#strikes[transport] ?? 0) + (this.#worked.has(transport) ? 1 : strikes);
    this.#strikes[transport] = count;
    if (count < strikes) return this.#wait(reason);
    delete this.#strikes[transport];
    this.#memory.add(transport, remembered);
    if (![undefined, transport].includes(this.#next())) return this.#open(false, reason);
    this.#forgive();
    if (isRefusal(error)) return this.#refused(error, reason);
    this.#emit("error", { message: `no transport works; ${reason}` });
    this.#wait(reason);
  }

  #refused(error, reason) {
    this.#refusals += 1;
    if (this.#worked.size > 0 && this.#refusals < this.#limits.refusals) return this.#wait(reason);
    this.#refuse(error, reason);
  }

  #refuse({ status }, reason) {
    this.#refusal = Object.assign(Error(reason), { status: status ?? null });
    this.#emit("error", { message: reason, status: status ?? null });
    this.#finish(reason);
  }

  #wait(reason, retryAfter = 0) {
    if (this.state === "closed") return;
    const { retryFirst, retryMost, retryAfterMost } = this.#limits;
    const backoff = Math.min(retryMost, retryFirst * 2 ** this.#tries) * (1 + Math.random()) / 2;
    // Not all at the very moment that the server has named.
    const asked = Math.min(retryAfter, retryAfterMost);
    const delay = Math.round(asked > 0 ? asked + backoff : backoff);
    this.#tries += 1;
    this.#mayHurry = asked === 0;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#open(), delay);
    this.#tell("waiting", null, reason, Date.now() + delay);
  }

  // The page or the network is back: no need to wait, or to believe a connection of old.
  #hurry() {
    if (this.state === "waiting" && this.#mayHurry) this.#open();
    else if (Date.now() - this.#link?.heardAt > this.#limits.steady) this.#doubt();
  }

  #finish(reason) {
    if (this.state === "closed") return;
    this.#drop();
    Connection.#all.delete(this);
    this.#closing.abort();
    this.#tell("closed", null, reason);
    for (const message of this.#sends.splice(0)) {
      const what = message.isUnderWay ? "; the message may have been handled" : "; the message was not sent";
      message.reject(Error(`push-client: the connection is closed: ${reason}${what}`));
    }
  }
}

function connect(url, options) {
  return new Connection(url, options);
}

// The page's own colours, by these names, or one each that stands out on white and on black alike. The text has the page's own.
const WAIT = "var(--wait, #b7791f)";
const COLOURS = { connecting: WAIT, open: "var(--live, #2f9e5f)", waiting: WAIT, closed: "var(--off, #d9534f)" };

function showState(connection, element) {
  // What is read out, once, and what is only there to be seen: when the next try is, while nothing else has changed.
  const [dot, news, aside] = ["\u25cf ", "", ""].map(text => {
    const span = document.createElement("span");
    span.textContent = text;
    return span;
  });
  dot.setAttribute("aria-hidden", "true");
  news.setAttribute("role", "status");
  news.setAttribute("aria-live", "polite");
  let away = null;
  const show = () => {
    const { state, transport, reason, retryAt } = connection;
    const seconds = Math.max(1, Math.round((retryAt - Date.now()) / 1_000));
    if (state !== "connecting") away = state === "waiting" ? reason : null;
    const said = { connecting: away ?? "connecting", open: `live, by ${NAMES[transport]}` }[state] ?? reason;
    element.dataset.state = state;
    dot.style.color = COLOURS[state];
    if (news.textContent !== said) news.textContent = said;
    const now = state === "waiting" ? ` in about ${seconds} s` : "";
    aside.textContent = away === null ? "" : `; trying again${now}`;
  };
  element.replaceChildren(dot, news, aside);
  connection.addEventListener("state", show);
  show();
  return () => connection.removeEventListener("state", show);
}

export { Connection, NAMES, connect, showState };
