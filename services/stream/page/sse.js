// Server-sent events, read from a response's body as the WHATWG's standard says.

/**
 * @typedef {object} Frame
 * @property {string} type
 * @property {string} data
 * @property {string} id the last id that was given, this frame's or an earlier one's
 *
 * @typedef {object} Handlers
 * @property {(frame: Frame) => void} frame
 * @property {(text: string) => void} comment
 * @property {(milliseconds: number) => void} retry the service's hint when to come back
 */

/** Takes text as it comes, and hands on what is whole. */
export class SseReader {
  #handlers;
  #rest = "";
  #type = "";
  #id = "";
  /** @type {string[]} */
  #data = [];

  /** @param {Handlers} handlers */
  constructor(handlers) {
    this.#handlers = handlers;
  }

  /** @param {string} text */
  push(text) {
    const lines = (this.#rest + text).split(/\r\n|\n/);
    this.#rest = lines.pop() ?? "";
    for (const line of lines) this.#line(line);
  }

  /** @param {string} line */
  #line(line) {
    if (!line) {
      this.#flush();
      return;
    }
    const at = line.indexOf(":");
    const name = at < 0 ? line : line.slice(0, at);
    const value = at < 0 ? "" : line.slice(at + 1).replace(/^ /, "");
    if (name === "") this.#handlers.comment(value);
    else if (name === "data") this.#data.push(value);
    else if (name === "event") this.#type = value;
    else if (name === "id") this.#id = value;
    else if (name === "retry" && /^\d+$/.test(value)) this.#handlers.retry(Number(value));
  }

  #flush() {
    if (this.#data.length) {
      this.#handlers.frame({ type: this.#type, data: this.#data.join("\n"), id: this.#id });
    }
    this.#type = "";
    this.#data = [];
  }
}
