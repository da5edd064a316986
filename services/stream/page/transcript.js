// A transcript that is read along: words light up as they are spoken, and a click goes there.

import { element, offset } from "./text.js";
import { markWords, segmentText, timedWords } from "./words.js";

/** @typedef {import("./types.js").Segment} Segment */

export class TranscriptView {
  #place;
  /** @type {{start: number, end: number, word: HTMLElement, line: HTMLElement}[]} */
  #words = [];
  /** @type {HTMLElement | null} */
  #lit = null;
  #drawn = 0;

  /**
   * @param {HTMLElement} place
   * @param {(second: number) => void} seek
   */
  constructor(place, seek) {
    this.#place = place;
    place.addEventListener("click", (event) => {
      const target = /** @type {HTMLElement} */ (event.target).closest("[data-start]");
      // Whoever selects words to copy them does not want to hear them.
      if (!(target instanceof HTMLElement) || !getSelection()?.isCollapsed) return;
      seek(Number(target.dataset.start));
    });
  }

  /**
   * @param {Segment[]} segments
   * @param {ReadonlySet<string>} looked words that somebody searched for
   */
  show(segments, looked) {
    this.clear();
    this.add(segments);
    if (looked.size) markWords(this.#words.map(({ word }) => word), looked);
  }

  /**
   * What is known by now, of which the first part may stand there already.
   * @param {Segment[]} segments
   */
  add(segments) {
    for (const segment of segments.slice(this.#drawn)) this.#place.append(this.#line(segment));
    this.#drawn = segments.length;
  }

  clear() {
    this.#place.replaceChildren();
    this.#words = [];
    this.#lit = null;
    this.#drawn = 0;
  }

  /**
   * Light up what is spoken at a second; nothing below 0.
   * @param {number} second
   */
  light(second) {
    const found = second < 0 ? undefined : this.#at(second);
    const lit = found?.word ?? null;
    if (lit === this.#lit) return;
    this.#lit?.classList.remove("lit");
    lit?.classList.add("lit");
    const [before, line] = [this.#lit?.closest(".line"), found?.line];
    this.#lit = lit;
    if (before !== line) {
      before?.classList.remove("spoken");
      line?.classList.add("spoken");
      if (line) keepInView(line);
    }
  }

  /** @param {number} second */
  #at(second) {
    let [low, high] = [0, this.#words.length - 1];
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (this.#words[middle].start <= second) low = middle;
      else high = middle - 1;
    }
    const found = this.#words[low];
    return found && found.start <= second && second < found.end + 0.15 ? found : undefined;
  }

  /** @param {Segment} segment */
  #line(segment) {
    const line = element("p", "line");
    const at = element("button", "at", offset(segment.start));
    at.type = "button";
    at.dataset.start = String(segment.start);
    at.ariaLabel = `Play from ${offset(segment.start)}`;
    const text = segmentText(segment, timedWords(segment));
    for (const word of text.children) {
      if (!(word instanceof HTMLElement)) continue;
      const [start, end] = [Number(word.dataset.start), Number(word.dataset.end)];
      this.#words.push({ start, end, word, line });
    }
    line.append(at, text);
    return line;
  }
}

/** @param {HTMLElement} line */
function keepInView(line) {
  const smooth = matchMedia("(prefers-reduced-motion: no-preference)").matches;
  line.scrollIntoView({ block: "nearest", behavior: smooth ? "smooth" : "instant" });
}
