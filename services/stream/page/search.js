// The fields by which the history is searched.

import { part } from "./text.js";

/** @typedef {Pick<import("./address.js").Shown, "q" | "review" | "since" | "until">} Search */

/** Milliseconds without a key until what was typed is searched for. */
const SETTLE = 300;

export class SearchFields {
  #q = /** @type {HTMLInputElement} */ (part("q"));
  #since = /** @type {HTMLInputElement} */ (part("since"));
  #until = /** @type {HTMLInputElement} */ (part("until"));
  #review = /** @type {HTMLButtonElement} */ (part("review"));
  #timer = 0;

  /** @param {(search: Search) => void} changed */
  constructor(changed) {
    const tell = () => {
      clearTimeout(this.#timer);
      changed(this.#read());
    };
    part("search").addEventListener("submit", (event) => {
      event.preventDefault();
      tell();
    });
    this.#q.addEventListener("input", () => {
      clearTimeout(this.#timer);
      this.#timer = setTimeout(tell, SETTLE);
    });
    for (const field of [this.#since, this.#until]) field.addEventListener("change", tell);
    this.#review.addEventListener("click", () => {
      this.#review.ariaPressed = String(this.#review.ariaPressed !== "true");
      tell();
    });
    part("search-clear").addEventListener("click", () => {
      this.show({ q: "", review: false, since: "", until: "" });
      tell();
      this.#q.focus();
    });
  }

  focus() {
    this.#q.focus();
    this.#q.select();
  }

  /** @param {Search} search */
  show({ q, review, since, until }) {
    // Whoever is typing is not disturbed.
    if (this.#q.value.trim() !== q) this.#q.value = q;
    this.#since.value = since;
    this.#until.value = until;
    this.#review.ariaPressed = String(review);
    part("search-clear").hidden = !q && !review && !since && !until;
    part("times").classList.toggle("on", Boolean(since || until));
  }

  /** @returns {Search} */
  #read() {
    return {
      q: this.#q.value.trim(),
      review: this.#review.ariaPressed === "true",
      since: this.#since.value,
      until: this.#until.value,
    };
  }
}
