// How times, lengths and names are written.

const clock = new Intl.DateTimeFormat(undefined, {
  hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23",
});
const day = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short" });
const dayOfYear = new Intl.DateTimeFormat(undefined, {
  day: "numeric", month: "short", year: "numeric",
});

/**
 * The time of day, with the date in front unless it is today.
 * @param {Date} date
 */
export function when(date, now = new Date()) {
  const time = clock.format(date);
  if (date.toDateString() === now.toDateString()) return time;
  const dated = date.getFullYear() === now.getFullYear() ? day : dayOfYear;
  return `${dated.format(date)} ${time}`;
}

/**
 * Seconds as `m:ss`, or `h:mm:ss`.
 * @param {number} seconds
 */
export function offset(seconds) {
  const whole = Math.max(0, Math.floor(seconds));
  const pad = (/** @type {number} */ number) => String(number).padStart(2, "0");
  const [h, m, s] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  return h ? `${h}:${pad(m)}:${pad(s)}` : `${m}:${pad(s)}`;
}

/**
 * A length for people: `4.2 s`, `3 min 05 s`.
 * @param {number} seconds
 */
export function length(seconds) {
  if (seconds < 60) return `${seconds.toFixed(1)} s`;
  const s = String(Math.round(seconds) % 60).padStart(2, "0");
  return `${Math.floor(Math.round(seconds) / 60)} min ${s} s`;
}

/**
 * Bytes for people: `340 kB`, `5.2 GB`.
 * @param {number} number
 */
export function bytes(number) {
  const units = ["B", "kB", "MB", "GB", "TB"];
  let at = 0;
  for (; number >= 1000 && at < units.length - 1; at += 1) number /= 1000;
  return `${number.toFixed(number < 10 && at ? 1 : 0)} ${units[at]}`;
}

/**
 * A confidence of 0 to 1 as one of four shades, 0 the least sure.
 * @param {number} confidence
 */
export function shade(confidence) {
  if (confidence < 0.5) return 0;
  if (confidence < 0.7) return 1;
  return confidence < 0.85 ? 2 : 3;
}

/** @param {number} confidence */
export function percent(confidence) {
  return `${Math.round(confidence * 100)} %`;
}

/**
 * `1 call`, `2 calls`.
 * @param {number} number
 * @param {string} noun
 */
export function count(number, noun) {
  return `${number.toLocaleString()} ${noun}${number === 1 ? "" : "s"}`;
}

/**
 * An element with a class and text, since data never becomes markup.
 * @template {keyof HTMLElementTagNameMap} T
 * @param {T} tag
 * @returns {HTMLElementTagNameMap[T]}
 */
export function element(tag, className = "", text = "") {
  const made = document.createElement(tag);
  if (className) made.className = className;
  if (text) made.textContent = text;
  return made;
}

/**
 * The part of the page that has an id.
 * @param {string} id
 */
export function part(id) {
  return /** @type {HTMLElement} */ (document.getElementById(id));
}

/**
 * The words alone, for comparing: in lower case, without accents and punctuation.
 * @param {string} text
 */
export function plain(text) {
  return text.normalize("NFKD").toLowerCase().replace(/\p{M}/gu, "")
    .replace(/[^\p{L}\p{N}]+/gu, " ").trim();
}
