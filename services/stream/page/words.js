// Words as elements: shaded by how sure the model was, and marked where they are looked for.

import { element, offset, percent, plain, shade } from "./text.js";

/**
 * @typedef {import("./types.js").Segment} Segment
 * @typedef {import("./types.js").TextPart} TextPart
 */

/**
 * A segment's words; without words of its own it is one piece.
 * @param {Segment} segment
 * @param {Pick<import("./types.js").Word, "start" | "end" | "text" | "confidence">[]} [words] to show
 *   instead
 * @returns {HTMLSpanElement}
 */
export function segmentText(segment, words = segment.words?.length ? segment.words : [segment]) {
  const text = element("span", "text");
  for (const word of words) {
    const span = shaded(word.text.trim(), word.confidence);
    span.dataset.start = String(word.start);
    span.dataset.end = String(word.end);
    text.append(span, " ");
  }
  text.lastChild?.remove();
  return text;
}

/**
 * A segment's words, each with its time. Where nobody gave their times (they were not asked for, or
 * somebody corrected the text) they are spread by their lengths: near enough to read along.
 * @param {Segment} segment
 */
export function timedWords({ start, end, text, confidence, words }) {
  if (words?.length) return words;
  const texts = text.split(/\s+/).filter(Boolean);
  const letter = (end - start) / texts.reduce((sum, each) => sum + each.length + 1, 0);
  let at = start;
  return texts.map((each) => {
    const from = at;
    at += (each.length + 1) * letter;
    return { start: from, end: at, text: each, confidence };
  });
}

/**
 * A segment in the list: its time in front, for those that are long.
 * @param {Segment} segment
 */
export function segmentLine(segment) {
  const line = element("span", "segment");
  line.dataset.start = String(segment.start);
  line.dataset.end = String(segment.end);
  line.title = `${offset(segment.start)}–${offset(segment.end)}, ${percent(segment.confidence)} sure`;
  line.append(element("span", "at", offset(segment.start)), segmentText(segment), " ");
  return line;
}

/**
 * @param {string} text
 * @param {number | null} confidence
 */
export function shaded(text, confidence) {
  const span = element("span", "", text);
  if (confidence !== null) span.dataset.shade = String(shade(confidence));
  return span;
}

/**
 * What a search found, with its matches marked.
 * @param {TextPart[]} parts
 */
export function marked(parts) {
  return parts.map(({ text, match }) => (match ? element("mark", "", text) : document.createTextNode(text)));
}

/**
 * Mark the words of an element's spans that are among some.
 * @param {Iterable<HTMLElement>} spans
 * @param {ReadonlySet<string>} wanted in their plain form
 */
export function markWords(spans, wanted) {
  const isWanted = (/** @type {string} */ piece) =>
    plain(piece).split(" ").some((word) => wanted.has(word));
  for (const span of spans) {
    const pieces = (span.textContent ?? "").split(/(\s+)/);
    if (!pieces.some(isWanted)) continue;
    span.replaceChildren(...pieces.map((piece) =>
      (isWanted(piece) ? element("mark", "", piece) : document.createTextNode(piece))));
  }
}
