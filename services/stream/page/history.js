// Pages of the history, the newest first.

import { listQuery, wants } from "./address.js";
import { read } from "./api.js";

/**
 * @typedef {import("./types.js").Filter} Filter
 * @typedef {import("./types.js").FoundPage} FoundPage
 * @typedef {import("./address.js").Shown} Shown
 */

const FIRST = 200;
const MORE = 100;

export class History {
  #query = new URLSearchParams();
  /** @type {Filter[]} */
  #filters = [];
  /** @type {string | null} */
  #cursor = null;
  #busy = false;
  #abort = new AbortController();

  /** Whether there may be older recordings. */
  get more() {
    return this.#cursor !== null;
  }

  /**
   * The first page of what is shown. Raises Problem.
   * @param {Shown} shown
   */
  async first(shown) {
    this.#abort.abort();
    this.#abort = new AbortController();
    this.#busy = false;
    this.#filters = shown.filters;
    this.#query = queryOf(shown);
    const page = await this.#read({ limit: FIRST });
    this.#cursor = page.next;
    return page;
  }

  /** The next page; null if there is none, or it is on its way. Raises Problem. */
  async older() {
    if (this.#cursor === null || this.#busy) return null;
    this.#busy = true;
    const abort = this.#abort;
    try {
      const page = await this.#read({ limit: MORE, cursor: this.#cursor });
      this.#cursor = page.next;
      return page;
    } finally {
      if (this.#abort === abort) this.#busy = false;
    }
  }

  /**
   * @param {{limit: number, cursor?: string}} place
   * @returns {Promise<FoundPage>}
   */
  async #read(place) {
    const query = new URLSearchParams(this.#query);
    for (const [name, value] of Object.entries(place)) query.set(name, String(value));
    const page = await read("v1/recordings", query, { signal: this.#abort.signal });
    // Several channels of several sources: the list knows only all of these of all of those.
    page.recordings = page.recordings.filter((/** @type {any} */ each) => wants(this.#filters, each));
    return page;
  }
}

/**
 * Whether only the history can say what is shown: it is searched, and not followed.
 * @param {Shown} shown
 */
export function isSearch({ q, review, since, until }) {
  return Boolean(q.trim() || review || since || until);
}

/** @param {Shown} shown */
function queryOf(shown) {
  const query = listQuery(shown.filters);
  if (shown.q.trim()) query.set("q", shown.q.trim());
  if (shown.review) query.set("needs_review", "true");
  for (const name of /** @type {const} */ (["since", "until"])) {
    const time = new Date(shown[name]);
    if (shown[name] && !Number.isNaN(time.getTime())) query.set(name, time.toISOString());
  }
  return query;
}
