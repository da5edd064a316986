// What the service says of itself, asked for every few seconds.

import { count, element } from "./text.js";

const EVERY = 10_000; // milliseconds

export class Status {
  #handlers;
  #timer = 0;
  #figures = document.getElementById("figures");
  #notice = document.getElementById("notice");

  /** `handlers`: known(status), locked(), away(). */
  constructor(handlers) {
    this.#handlers = handlers;
  }

  /** Ask now, and from now on. */
  async ask() {
    clearTimeout(this.#timer);
    try {
      await this.#fetch();
    } finally {
      clearTimeout(this.#timer);
      this.#timer = setTimeout(() => this.ask(), EVERY);
    }
  }

  async #fetch() {
    let answer;
    try {
      answer = await fetch(new URL("v1/status", document.baseURI), {
        signal: AbortSignal.timeout(EVERY), cache: "no-store",
      });
    } catch {
      this.#handlers.away();
      return;
    }
    if (answer.status === 401) {
      this.#handlers.locked();
      return;
    }
    if (!answer.ok) {
      this.#handlers.away();
      return;
    }
    const status = await answer.json();
    this.#show(status);
    this.#handlers.known(status);
  }

  #show({ workers, lanes }) {
    const models = [...new Set(workers.map((worker) => worker.model).filter(Boolean))];
    const shown = [["Workers", count(workers.length, "worker") + (models.length ? ` · ${models.join(", ")}` : "")]];
    for (const [lane, pending] of Object.entries(lanes ?? {})) {
      if (pending > 0) shown.push([`Waiting in ${lane}`, `${pending} ${lane}`]);
    }
    this.#figures.replaceChildren(
      ...shown.flatMap(([term, text]) => [element("dt", "hidden", term), element("dd", "", text)]),
    );
    this.#figures.dataset.idle = String(workers.length === 0);
    const notices = [...new Set(workers.map((worker) => worker.notice).filter(Boolean))];
    this.#notice.replaceChildren(...notices.map((notice) => element("p", "", notice)));
    this.#notice.hidden = notices.length === 0;
  }
}
