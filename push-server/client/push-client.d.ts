/** Reads streams of a push-server: over the best transport that works, resumed where it was after every cut. And sends on them. */

/**
 * Opens a stream, and keeps it open until it ends or `close()` is called; a connection that nobody holds lives on.
 * Throws a `TypeError` where the URL or an option makes no sense. The URL's fragment is dropped; a user name or a password
 * in it is refused, as `fetch` would.
 */
export function connect<T = unknown>(url: string | URL, options?: ConnectOptions<T>): Connection<T>;

/**
 * Shows the state of a connection in an element, whose content it replaces: a dot, and a text in the page's own colour.
 * The dot has the page's `--live`, `--wait` and `--off` where it has these colours, and its own where not. The element gets
 * `data-state` for styles of the page. What it says is a status region (`aria-live="polite"`), but for the time of the
 * next try, so a server that is away is read out once, not at each try. Returns a function that ends it.
 */
export function showState(connection: Connection<any>, element: HTMLElement): () => void;

/**
 * In which form messages come.
 *
 * | | | in the default order |
 * | --- | --- | --- |
 * | `ws` | WebSocket | 1st |
 * | `sse` | server-sent events, read by `fetch` | 2nd |
 * | `xhr` | a growing response to an `XMLHttpRequest`, renewed each 30 s | 3rd |
 * | `longpoll` | one answer a batch of messages | 4th |
 * | `poll` | an answer each 5 s, or along with something sent | 5th |
 * | `script` | script tags in a hidden frame, renewed each 30 s. The server's scripts run in it | only if named |
 */
export type Transport = "ws" | "sse" | "xhr" | "longpoll" | "poll" | "script";

/** The transports in words for people, as `showState` writes them. */
export const NAMES: Readonly<Record<Transport, string>>;

/** `epoch:sequence`: a place in the history of a stream. */
export type Position = string;

/**
 * | | |
 * | --- | --- |
 * | `connecting` | a transport is being tried |
 * | `open` | messages come as they are published |
 * | `waiting` | until `retryAt`, because of `reason` |
 * | `closed` | for good, because of `reason`: by the page, by the end of the stream, or refused by the server |
 */
export type State = "connecting" | "open" | "waiting" | "closed";

/** An option that is null is as one that is not there. */
export interface ConnectOptions<T = unknown> {
  /** Which transports may be used, the best first. Default: `ws`, `sse`, `xhr`, `longpoll`, `poll`. */
  transports?: Transport[] | null;
  /** Begin after this position; a `resume` event tells what became of it. */
  since?: Position | null;
  /** Else begin with the newest so many messages. Default: with what comes next. */
  last?: number | null;
  /** Who reads: present by this name, and sent what is for it alone. 1 to 64 letters, digits and `-_.~@:`. */
  client?: string | null;
  /** Seconds after which the server lets the connection be renewed, 0 for never. Default: as the server has it. */
  rotate?: number | null;
  /** The stream comes back after its end, under the same name: wait for it. Default: `end` is the end. (A server that is
   * started anew is no end.) */
  endless?: boolean | null;
  /** Bounds to change, beside those that stay. */
  limits?: Partial<Limits> | null;
  onmessage?: (event: MessageEvent<T>) => void;
  onstate?: (event: StateEvent) => void;
  onresume?: (event: ResumeEvent) => void;
  ongap?: (event: GapEvent) => void;
  onend?: (event: EndEvent) => void;
  onerror?: (event: ErrorEvent) => void;
}

/** Times in milliseconds. */
export interface Limits {
  /** Until a transport has begun; then it gives way to the next. Default 10,000. */
  begin: number;
  /** Open so long, a connection has proved itself, and the next retry is early again. Default 10,000. */
  steady: number;
  /** Failures in a row, while the server answers, after which a transport that did work is passed over. Default 3. */
  strikes: number;
  /** For how long it is, in this page's session or until the network changes. Default 600,000. */
  remembered: number;
  /** Before the first retry, less a random half; doubled for each that follows. Default 1,000. */
  retryFirst: number;
  /** Where doubling ends. Default 30,000. */
  retryMost: number;
  /** Of a server's `Retry-After`, so much is honoured. Default 300,000. */
  retryAfterMost: number;
  /** Refusals (4xx) in a row, after the stream has been open once, that end it. Before that the first does. Default 5. */
  refusals: number;
  /** The longest silence of a stream, where the server does not say; after twice that it is lost. Default 15,000. */
  heartbeat: number;
  /** For an answer to a long poll. Default 60,000. */
  longpoll: number;
  /** For an answer to what is sent or published, from the call on. Default 30,000. */
  send: number;
  /** Messages that wait to be sent, or for their answers; one more is rejected with a `RangeError`. Default 256. */
  sends: number;
  /**
   * Characters of one message, or of one answer to a poll. Default 4 Mi, four times what a server takes by default. A longer
   * one ends the connection.
   */
  message: number;
  /** Characters that an `XMLHttpRequest` keeps, after which it is renewed. Default 8 Mi. */
  text: number;
  /** Messages that wait for an async iterator; with more it throws. Default 1,024. */
  queue: number;
}

/** A message: a value, no HTML. */
export interface MessageEvent<T = unknown> extends Event {
  readonly data: T;
  /** Its place in the stream; null if it was sent to this client alone. */
  readonly position: Position | null;
  readonly direct: boolean;
}

export interface StateEvent extends Event {
  readonly state: State;
  /** The one in use, or being tried. */
  readonly transport: Transport | null;
  /** In words, where there is something to say. */
  readonly reason: string | null;
  /** `waiting`: when the next try is, as `Date.now()` counts. */
  readonly retryAt: number | null;
}

/** What became of the place to go on from. Not told where a connection is renewed in good order. */
export interface ResumeEvent extends Event {
  /** `complete`: nothing is lost. `gap`: `from` to `to` are. `epoch-changed`: another history, as of another server. */
  readonly verdict: "complete" | "gap" | "epoch-changed";
  readonly from?: number;
  readonly to?: number;
  /** Before the first message that follows. */
  readonly position: Position;
}

/** The server skipped messages, for this reader was too slow. */
export interface GapEvent extends Event {
  readonly from: number;
  readonly to: number;
  readonly position: Position;
}

/** The stream is over. */
export interface EndEvent extends Event {
  readonly position: Position | null;
}

/** For people: the server refuses, or no transport works. */
export interface ErrorEvent extends Event {
  readonly message: string;
  /** Of the answer, if it was one. */
  readonly status?: number | null;
}

export interface SendOptions {
  /** The client that it is for, present by this name; without it, or with null, it is for all. */
  to?: string | null;
}

/** What became of a message. Which of them are there says who has taken it. */
export interface Receipt {
  /** What a handler answers. */
  readonly reply?: unknown;
  /** It was published: where it stands. */
  readonly position?: Position;
  /** To how many readers it is on its way. */
  readonly receivers?: number;
  /** It was sent to one client: whether it waits for that to come back. */
  readonly waits?: boolean;
}

/** Why a promise is rejected that the server has refused. */
export interface Refused extends Error {
  /** As HTTP has it. */
  readonly status: number;
  /** The message is for the people who use the page, as a handler has put it: show it, as text. Otherwise it is for its author. */
  readonly forPeople: boolean;
  /** Milliseconds after which another try may do. */
  readonly retryAfter?: number;
}

export interface ConnectionEventMap<T = unknown> {
  message: MessageEvent<T>;
  state: StateEvent;
  resume: ResumeEvent;
  gap: GapEvent;
  end: EndEvent;
  error: ErrorEvent;
}

/**
 * An `EventTarget` for these events and no others. A listener that throws is reported and stops nobody (in Node
 * that holds for those of the options; what others throw ends the process).
 * As an async iterable: each message once and in order, until the connection is closed; meanwhile messages wait in a bounded
 * queue.
 */
export class Connection<T = unknown> implements AsyncIterable<MessageEvent<T>> {
  constructor(url: string | URL, options?: ConnectOptions<T>);
  readonly url: string;
  readonly state: State;
  readonly transport: Transport | null;
  readonly reason: string | null;
  readonly retryAt: number | null;
  /** Of the last message that was told; what `since` takes. Null before the stream has begun. */
  readonly position: Position | null;
  /**
   * Sends a value, if clients may: to the handlers of the application, and what none of them takes to the client `to`, or to
   * all. In order, each after those before it: on the WebSocket if that is the transport, else by requests; while the
   * stream is not open, it waits. Rejected with a `Refused` if the server refuses it, and with another error if no answer
   * comes, in which case it may have been handled all the same: nothing is sent twice by itself. If no connection could
   * be had, the error says that it was not sent.
   */
  send(value: unknown, options?: SendOptions | null): Promise<Receipt>;
  /**
   * Publishes a value to the stream, if clients may, past all handlers. Rejected as `send`.
   */
  publish(value: unknown): Promise<{ position: Position; receivers: number }>;
  /** For good. */
  close(): void;
  addEventListener<K extends keyof ConnectionEventMap<T>>(
    type: K,
    listener: (event: ConnectionEventMap<T>[K]) => void,
    options?: boolean | AddEventListenerOptions,
  ): void;
  removeEventListener<K extends keyof ConnectionEventMap<T>>(
    type: K,
    listener: (event: ConnectionEventMap<T>[K]) => void,
    options?: boolean | EventListenerOptions,
  ): void;
  [Symbol.asyncIterator](): AsyncIterableIterator<MessageEvent<T>>;
}

/** Of the classic script `push-client.global.js`. */
declare global {
  const pushClient: {
    readonly Connection: typeof Connection;
    readonly connect: typeof connect;
    readonly showState: typeof showState;
  };
}
