// While the list stands still, what comes is kept and counted.

/** @typedef {import("./types.js").EchoEvent} EchoEvent */

/** Events that are kept; beyond, the stream itself is left and taken up later where it was. */
const MOST = 20_000;

export class Pause {
  #on = false;
  /** @type {[EchoEvent, boolean][]} */
  #held = [];

  get on() {
    return this.#on;
  }

  /** Whether no more should come for now. */
  get full() {
    return this.#held.length >= MOST;
  }

  /** How much waits: recordings that are new, and events in all. */
  get waiting() {
    const begun = this.#held.filter(([event]) => event.type === "queued").length;
    return { recordings: begun, events: this.#held.length };
  }

  begin() {
    this.#on = true;
  }

  /** What was held, in order. */
  end() {
    this.#on = false;
    const held = this.#held;
    this.#held = [];
    return held;
  }

  /**
   * Keep an event for later.
   * @param {EchoEvent} event
   * @param {boolean} live
   */
  hold(event, live) {
    this.#held.push([event, live]);
  }

  /**
   * Of what was deleted nothing is kept, not even for later.
   * @param {string} recording
   */
  drop(recording) {
    this.#held = this.#held.filter(([event]) => event.recording !== recording);
  }
}
