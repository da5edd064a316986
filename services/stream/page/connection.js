// One event stream that comes back by itself, from where it was.

import { address } from "./api.js";
import { SseReader } from "./sse.js";

/** @typedef {import("./types.js").EchoEvent} EchoEvent */

const FIRST_WAIT = 500; // milliseconds; doubled up to the longest
const LONGEST_WAIT = 15_000;
const SILENCE = 50_000; // milliseconds without a byte: the service says something every 15 s

/**
 * @typedef {object} Handlers
 * @property {(event: EchoEvent, sequence: number) => void} event
 * @property {(reason: string) => void} gap events are missing
 * @property {() => void} open
 * @property {() => void} lost it comes back by itself
 * @property {(reason: string) => void} ended the key or the session is over
 * @property {() => void} locked a key is asked for
 */

/**
 * Read with `fetch`, not with EventSource: that one gives up for good on any answer but 200, does
 * not say which answer it was, and does not notice a network that is dead.
 */
export class Connection {
  #handlers;
  /** @type {AbortController | null} */
  #abort = null;
  #timer = 0;
  #wait = FIRST_WAIT;
  /** @type {string | null} */
  #last = null;
  #query = new URLSearchParams();

  /** @param {Handlers} handlers */
  constructor(handlers) {
    this.#handlers = handlers;
  }

  /** Whether it was started and not stopped. */
  get started() {
    return this.#abort !== null || this.#timer !== 0;
  }

  /**
   * Follow what a query asks for, from the event after `last` on.
   * @param {URLSearchParams} query
   * @param {string | null} last
   */
  start(query, last) {
    this.#query = query;
    this.#last = last;
    this.#wait = FIRST_WAIT;
    this.#connect();
  }

  /** Go on after a stop, from where it was. */
  resume() {
    if (!this.started) this.#connect();
  }

  /** Come back now instead of at the end of the wait. */
  hurry() {
    if (this.#timer) this.#connect();
  }

  stop() {
    clearTimeout(this.#timer);
    this.#timer = 0;
    this.#abort?.abort();
    this.#abort = null;
  }

  async #connect() {
    this.stop();
    const abort = new AbortController();
    this.#abort = abort;
    const later = await this.#follow(abort);
    // Whoever stopped it, or began another one, has seen to what comes next.
    if (this.#abort === abort) this.#again(later);
  }

  /**
   * Follow until the stream ends; gives back the service's own wish when to come back, or null.
   * @param {AbortController} abort
   */
  async #follow(abort) {
    /** @type {number | null} */
    let later = null;
    const reader = new SseReader({
      frame: (frame) => this.#take(frame),
      comment: () => {},
      retry: (milliseconds) => { later = milliseconds; },
    });
    const watch = new Watch(() => abort.abort());
    try {
      const query = new URLSearchParams(this.#query);
      if (this.#last) query.set("last_event_id", this.#last);
      const answer = await fetch(address("v1/events", query), {
        signal: abort.signal, cache: "no-store",
      });
      if (answer.status === 401) this.#locked();
      if (!answer.ok || !answer.body) return 1000 * Number(answer.headers.get("Retry-After")) || null;
      this.#wait = FIRST_WAIT;
      this.#handlers.open();
      const text = answer.body.pipeThrough(new TextDecoderStream()).getReader();
      for (;;) {
        watch.kick();
        const { done, value } = await text.read();
        if (done || this.#abort !== abort) return later;
        reader.push(value);
      }
    } catch {
      return later;
    } finally {
      watch.end();
    }
  }

  /** @param {import("./sse.js").Frame} frame */
  #take({ type, data, id }) {
    if (id) this.#last = id;
    const told = JSON.parse(data);
    if (type === "gap") this.#handlers.gap(told.reason);
    else if (type === "ended") {
      // Coming back would only be refused.
      this.stop();
      this.#handlers.ended(told.reason);
    } else this.#handlers.event(told, sequence(id));
  }

  #locked() {
    this.stop();
    this.#handlers.locked();
  }

  /** @param {number | null} later */
  #again(later) {
    this.stop();
    // Jitter, so that a restarted service does not meet every reader in the same moment.
    const wait = (later ?? this.#wait) * (0.5 + Math.random());
    this.#timer = setTimeout(() => this.#connect(), wait);
    this.#wait = Math.min(LONGEST_WAIT, this.#wait * 2);
    this.#handlers.lost();
  }
}

/** Calls once nothing was heard for too long. */
class Watch {
  #bark;
  #timer = 0;

  /** @param {() => void} bark */
  constructor(bark) {
    this.#bark = bark;
    this.kick();
  }

  kick() {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(this.#bark, SILENCE);
  }

  end() {
    clearTimeout(this.#timer);
  }
}

/**
 * The place in the stream that an id `<epoch>-<sequence>` names.
 * @param {string} id
 */
export function sequence(id) {
  return Number(id.slice(id.lastIndexOf("-") + 1));
}
