// When to try again: after twice as long each time, up to a bound, and not all pages at the same moment.

/** Milliseconds until the first retry, and where doubling it ends. */
const FIRST = 1_000, MOST = 8_000;

export class Retry {
  #next = FIRST;

  /** How long to wait now, in milliseconds. */
  wait() {
    const wait = this.#next * (0.5 + Math.random() / 2);
    this.#next = Math.min(2 * this.#next, MOST);
    return wait;
  }

  /** The connection works, or somebody has asked for it: the next wait is a first one. */
  reset() {
    this.#next = FIRST;
  }
}

/** `trying again in about 3 s`, as push-client.js says it. */
export const inWords = wait => `trying again in about ${Math.max(1, Math.round(wait / 1_000))} s`;
