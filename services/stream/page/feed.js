// What is shown: a page of the history first, then the events from there on.

import { eventsQuery } from "./address.js";
import { Problem } from "./api.js";
import { Connection, sequence } from "./connection.js";
import { History, isSearch } from "./history.js";

/**
 * @typedef {import("./types.js").EchoEvent} EchoEvent
 * @typedef {import("./types.js").Found} Found
 * @typedef {import("./types.js").SystemStatus} SystemStatus
 * @typedef {import("./address.js").Shown} Shown
 */

/** Events of the past that are asked for: how sure the models were stands in them alone. */
const LOOK_BACK = 2_000;
const AGAIN = 3_000; // milliseconds until a history that is being made is asked for again
/**
 * Milliseconds after a gap at which the list is read: the history has missed the same events, and
 * first has to list the store anew.
 */
const AFTER_GAP = [0, 2_000, 5_000, 15_000, 60_000];

/**
 * @typedef {object} Handlers
 * @property {(event: EchoEvent, live: boolean) => void} event `live`: it is not of the past
 * @property {(found: Found[]) => void} found
 * @property {(problem: string) => void} problem why there is no list; empty if there is one
 * @property {(reason: string) => void} gap
 * @property {() => void} open
 * @property {() => void} lost
 * @property {() => void} ended
 * @property {() => void} locked
 */

export class Feed {
  #handlers;
  #history = new History();
  #connection;
  /** @type {Shown | null} */
  #shown = null;
  #past = 0; // events up to this sequence were there before the page was
  #turn = 0;
  #timer = 0;

  /** @param {Handlers} handlers */
  constructor(handlers) {
    this.#handlers = handlers;
    this.#connection = new Connection({
      event: (event, at) => handlers.event(event, at > this.#past),
      gap: (reason) => {
        handlers.gap(reason);
        this.#reread();
      },
      open: handlers.open,
      lost: handlers.lost,
      ended: handlers.ended,
      locked: handlers.locked,
    });
  }

  get started() {
    return this.#shown !== null;
  }

  get connection() {
    return this.#connection;
  }

  /**
   * Show something else.
   * @param {Shown} shown
   * @param {SystemStatus} status
   */
  async start(shown, status) {
    this.stop();
    this.#shown = shown;
    const turn = this.#turn;
    const page = await this.#list(shown, turn);
    if (turn !== this.#turn) return;
    const last = page?.last_event_id ?? idOf(status.events);
    this.#past = last ? sequence(last) : 0;
    this.#connection.start(eventsQuery(shown.filters), before(last, status.events));
  }

  stop() {
    this.#turn += 1;
    this.#shown = null;
    clearTimeout(this.#timer);
    this.#connection.stop();
  }

  #reread() {
    const [shown, turn] = [this.#shown, this.#turn];
    for (const wait of AFTER_GAP) {
      setTimeout(() => { if (shown && turn === this.#turn) this.#list(shown, turn); }, wait);
    }
  }

  /** The end of the list is in view. */
  async older() {
    const turn = this.#turn;
    const page = await this.#history.older().catch(() => null);
    if (page && turn === this.#turn) this.#handlers.found(page.recordings);
  }

  /**
   * @param {Shown} shown
   * @param {number} turn
   */
  async #list(shown, turn) {
    try {
      const page = await this.#history.first(shown);
      if (turn !== this.#turn) return null;
      this.#handlers.problem("");
      this.#handlers.found(page.recordings);
      return page;
    } catch (error) {
      if (turn !== this.#turn || !(error instanceof Problem)) return null;
      this.#refused(error, shown, turn);
      return null;
    }
  }

  /**
   * @param {Problem} error
   * @param {Shown} shown
   * @param {number} turn
   */
  #refused(error, shown, turn) {
    if (error.status === 401) this.#handlers.locked();
    // What is live needs no history.
    else if (error.status === 400 || isSearch(shown)) this.#handlers.problem(error.message);
    if (error.status === 503 || error.status === 0) {
      clearTimeout(this.#timer);
      this.#timer = setTimeout(() => this.#list(shown, turn), AGAIN);
    }
  }
}

/** @param {SystemStatus["events"]} events */
function idOf(events) {
  return events ? `${events.epoch}-${events.last}` : null;
}

/**
 * Where to begin, to hear some of the past again.
 * @param {string | null} last
 * @param {SystemStatus["events"]} events
 */
function before(last, events) {
  if (!last || !events || !last.startsWith(`${events.epoch}-`)) return last;
  return `${events.epoch}-${Math.max(events.first - 1, sequence(last) - LOOK_BACK, 0)}`;
}
