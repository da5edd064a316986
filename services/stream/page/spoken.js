// What a screen reader reads aloud of what arrives.

import { element, part } from "./text.js";

/** Sentences that may be waiting; more are passed over. */
const MOST = 4;
/** Milliseconds between two announcements: words come faster than they can be read. */
const EVERY = 1_000;

export class Spoken {
  #log = part("spoken");
  /** @type {string[]} */
  #waiting = [];
  #timer = 0;

  /** @param {string} sentence */
  say(sentence) {
    this.#waiting.push(sentence);
    this.#timer ||= setTimeout(() => this.#speak(), EVERY);
  }

  #speak() {
    this.#timer = 0;
    for (const sentence of this.#waiting.slice(-MOST)) this.#log.append(element("span", "", `${sentence} `));
    this.#waiting = [];
    while (this.#log.childElementCount > MOST) this.#log.firstElementChild?.remove();
  }
}
