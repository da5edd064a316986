// What the services say of themselves, asked for every few seconds: the corner of the page.

import { bytes, count, element, part } from "./text.js";

/** @typedef {import("./types.js").SystemStatus} SystemStatus */

const EVERY = 10_000; // milliseconds

export class Status {
  #handlers;
  #speeds;
  #timer = 0;
  #summary = part("status-summary");
  #place = part("status");
  #panel = part("status-panel");
  #notice = part("notice");

  /**
   * @param {import("./speeds.js").Speeds} speeds
   * @param {{known: (status: SystemStatus) => void, locked: () => void, away: () => void,
   *   door: () => {url: string, locked: boolean} | null}} handlers
   */
  constructor(speeds, handlers) {
    this.#speeds = speeds;
    this.#handlers = handlers;
    this.#place.addEventListener("toggle", () => { if (this.#isOpen) this.ask(); });
  }

  get #isOpen() {
    return this.#place.matches(":popover-open");
  }

  /** Ask now, and from now on. */
  async ask() {
    clearTimeout(this.#timer);
    try {
      await this.#ask();
    } finally {
      clearTimeout(this.#timer);
      this.#timer = setTimeout(() => this.ask(), EVERY);
    }
  }

  async #ask() {
    const answer = await get(new URL("v1/status", document.baseURI));
    if (answer?.status === 401) {
      this.#handlers.locked();
      return;
    }
    if (!answer?.ok) {
      this.#handlers.away();
      return;
    }
    const status = await answer.json();
    this.#handlers.known(status);
    this.#show(status, await this.#spool(status));
  }

  /**
   * What ingest's disk holds, for who looks; null if it does not say.
   * @param {SystemStatus} status
   */
  async #spool({ scopes }) {
    const door = this.#handlers.door();
    if (!door || !this.#isOpen || !scopes.includes("ingest")) return null;
    const url = new URL("spool", door.url);
    const answer = await get(url, door.locked ? "include" : "same-origin");
    return answer?.ok ? answer.json() : null;
  }

  /**
   * @param {SystemStatus} status
   * @param {{waiting: number, waiting_bytes: number, refused: number, used_bytes: number} | null} spool
   */
  #show(status, spool) {
    const { workers, lanes, dead } = status;
    const waiting = Object.values(lanes ?? {}).reduce((sum, each) => sum + each, 0);
    const bad = (dead ?? 0) + (spool?.refused ?? 0);
    const models = [...new Set(workers.map((worker) => worker.model).filter(Boolean))];
    const summary = element("span", workers.length ? "" : "warn", count(workers.length, "worker"));
    if (models.length) summary.append(element("span", "roomy", ` · ${models.join(" · ")}`));
    this.#summary.replaceChildren(
      summary,
      ...(waiting ? [element("span", "", `${waiting.toLocaleString()} waiting`)] : []),
      ...(bad ? [element("span", "bad", `${bad.toLocaleString()} failed`)] : []),
    );
    this.#panel.replaceChildren(
      ...table("Waiting", Object.entries(lanes ?? {}).map(([lane, number]) => [lane, number.toLocaleString()])),
      ...table("Workers", workers.map((worker) => this.#worker(worker))),
      ...table("Kept aside", aside(status, spool)),
      ...table("This service", [
        ["message bus", status.bus],
        ["open pages and readers", status.readers.toLocaleString()],
        ["version", status.version],
      ]),
    );
    const notices = [...new Set(workers.map((worker) => worker.notice).filter(Boolean))];
    this.#notice.replaceChildren(...notices.map((notice) => element("p", "", notice)));
    this.#notice.hidden = notices.length === 0;
  }

  /**
   * @param {Record<string, string>} worker
   * @returns {[string, string]}
   */
  #worker({ worker, model, device }) {
    const speed = this.#speeds.of(worker);
    const fast = speed === null ? "" : `${speed.toFixed(speed < 10 ? 1 : 0)}× real time`;
    return [worker, [model, device, fast].filter(Boolean).join(" · ")];
  }
}

/**
 * @param {SystemStatus} status
 * @param {{waiting: number, waiting_bytes: number, refused: number, used_bytes: number} | null} spool
 * @returns {[string, string][]}
 */
function aside({ dead }, spool) {
  /** @type {[string, string][]} */
  const found = [];
  if (dead !== null && dead !== undefined) found.push(["dead letters", dead.toLocaleString()]);
  if (!spool) return found;
  const size = spool.waiting ? `, ${bytes(spool.waiting_bytes)}` : "";
  found.push(["spool: waiting", `${spool.waiting.toLocaleString()}${size}`]);
  if (spool.refused) found.push(["spool: refused", spool.refused.toLocaleString()]);
  return found;
}

/**
 * @param {string} title
 * @param {[string, string][]} rows
 */
function table(title, rows) {
  if (!rows.length) rows = [["none", ""]];
  const list = element("dl");
  list.append(...rows.flatMap(([term, text]) => [element("dt", "", term), element("dd", "", text)]));
  return [element("h3", "", title), list];
}

/**
 * @param {URL} url
 * @param {RequestCredentials} [credentials]
 */
async function get(url, credentials = "same-origin") {
  const signal = AbortSignal.timeout(EVERY);
  return fetch(url, { signal, cache: "no-store", credentials }).catch(() => null);
}
