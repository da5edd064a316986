// A transcript that is corrected in place.

import { element, offset } from "./text.js";

/**
 * @typedef {import("./types.js").Segment} Segment
 * @typedef {import("./types.js").Transcript} Transcript
 *
 * @typedef {object} SegmentChange What differs, as `PATCH …/transcript` takes it.
 * @property {string} text
 * @property {number} [index]
 * @property {number} [start]
 * @property {number} [end]
 */

/** Seconds of a segment that somebody adds. */
const ADDED = 2;

export class Editor {
  #place;
  #seek;
  /** @type {Transcript | null} */
  #base = null;
  /** @type {{segment: Segment | null, start: number, end: number, area: HTMLTextAreaElement}[]} */
  #lines = [];

  /**
   * @param {HTMLElement} place
   * @param {(second: number) => void} seek
   */
  constructor(place, seek) {
    this.#place = place;
    this.#seek = seek;
  }

  /** @param {Transcript} base */
  show(base) {
    this.#base = base;
    this.#lines = [];
    this.#place.replaceChildren();
    for (const segment of base.segments) this.#add(segment, segment.start, segment.end);
    if (!this.#lines.length) this.add(0);
    this.#lines[0]?.area.focus();
  }

  /**
   * A segment that nobody heard, where the recording is just being played.
   * @param {number} second
   */
  add(second) {
    const duration = this.#base?.duration ?? 0;
    const start = Math.min(second, Math.max(0, duration - 0.1));
    this.#add(null, start, Math.min(start + ADDED, duration)).focus();
  }

  changes() {
    /** @type {SegmentChange[]} */
    const found = [];
    for (const { segment, start, end, area } of this.#lines) {
      const text = area.value.trim();
      if (!segment && text) found.push({ start, end, text });
      if (segment && text !== segment.text.trim()) found.push({ index: segment.index, text });
    }
    return found;
  }

  /**
   * @param {Segment | null} segment
   * @param {number} start
   * @param {number} end
   */
  #add(segment, start, end) {
    const line = element("p", "line");
    const at = element("button", "at", offset(start));
    at.type = "button";
    at.ariaLabel = `Play from ${offset(start)}`;
    at.addEventListener("click", () => this.#seek(start));
    const area = element("textarea");
    area.value = segment?.text ?? "";
    area.rows = 1;
    area.spellcheck = true;
    area.ariaLabel = `Words at ${offset(start)}`;
    line.append(at, area);
    const next = this.#lines.findIndex((each) => each.start > start);
    const place = next < 0 ? this.#lines.length : next;
    this.#place.insertBefore(line, this.#place.children[place] ?? null);
    this.#lines.splice(place, 0, { segment, start, end, area });
    return area;
  }
}
