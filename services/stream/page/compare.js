// Two versions side by side, with the words that differ.

import { element, offset, plain } from "./text.js";
import { segmentText } from "./words.js";

/** @typedef {import("./types.js").Segment} Segment */

/** Comparisons of two words that nobody has to wait for. */
const MOST = 4_000_000;

/**
 * One of the two, beside another.
 * @param {string} name
 * @param {Segment[]} segments
 * @param {ReadonlySet<number>} same places of the words that the other one has too
 */
export function column(name, segments, same) {
  const place = element("section", "column");
  place.append(element("h3", "", name));
  let at = 0;
  for (const segment of segments) {
    const line = element("p", "line");
    const text = segmentText(segment);
    for (const span of text.querySelectorAll("span")) {
      const pieces = (span.textContent ?? "").split(/(\s+)/).map((piece) => {
        if (!plain(piece)) return document.createTextNode(piece);
        const known = same.has(at);
        at += 1;
        return known ? document.createTextNode(piece) : element("em", "differs", piece);
      });
      span.replaceChildren(...pieces);
    }
    line.append(element("span", "at", offset(segment.start)), text);
    place.append(line);
  }
  return place;
}

/**
 * The words of a version, as they are compared.
 * @param {Segment[]} segments
 */
export function wordsOf(segments) {
  return segments.flatMap(({ text, words }) =>
    (words?.length ? words.map((word) => word.text) : [text])
      .flatMap((each) => each.split(/\s+/).map(plain).filter(Boolean)));
}

/**
 * Which words two texts have in common: the longest sequence, by its places in each.
 * @param {string[]} a
 * @param {string[]} b
 * @returns {[Set<number>, Set<number>]}
 */
export function common(a, b) {
  /** @type {[Set<number>, Set<number>]} */
  const found = [new Set(), new Set()];
  const both = (/** @type {number} */ i, /** @type {number} */ j) => {
    found[0].add(i);
    found[1].add(j);
  };
  let [start, endA, endB] = [0, a.length, b.length];
  for (; start < endA && start < endB && a[start] === b[start]; start += 1) both(start, start);
  while (endA > start && endB > start && a[endA - 1] === b[endB - 1]) both((endA -= 1), (endB -= 1));
  const [n, m] = [endA - start, endB - start];
  if (n * m > MOST) return found;
  // longest[i][j]: of what is left from i and j on.
  const longest = new Uint16Array((n + 1) * (m + 1));
  for (let i = n - 1; i >= 0; i -= 1) {
    for (let j = m - 1; j >= 0; j -= 1) {
      longest[i * (m + 1) + j] = a[start + i] === b[start + j]
        ? longest[(i + 1) * (m + 1) + j + 1] + 1
        : Math.max(longest[(i + 1) * (m + 1) + j], longest[i * (m + 1) + j + 1]);
    }
  }
  for (let [i, j] = [0, 0]; i < n && j < m;) {
    if (a[start + i] === b[start + j]) both(start + i++, start + j++);
    else if (longest[(i + 1) * (m + 1) + j] >= longest[i * (m + 1) + j + 1]) i += 1;
    else j += 1;
  }
  return found;
}
