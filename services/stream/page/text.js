// How times, lengths and names are written.

const clock = new Intl.DateTimeFormat(undefined, {
  hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23",
});
const day = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short" });

/** The time of day, with the date in front unless it is today. */
export function when(date, now = new Date()) {
  const time = clock.format(date);
  return date.toDateString() === now.toDateString() ? time : `${day.format(date)} ${time}`;
}

/** Seconds as `m:ss`, or `h:mm:ss`. */
export function offset(seconds) {
  const whole = Math.max(0, Math.floor(seconds));
  const pad = (number) => String(number).padStart(2, "0");
  const [h, m, s] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  return h ? `${h}:${pad(m)}:${pad(s)}` : `${m}:${pad(s)}`;
}

/** A length for people: `4.2 s`, `3 min 05 s`. */
export function length(seconds) {
  if (seconds < 60) return `${seconds.toFixed(1)} s`;
  const s = String(Math.round(seconds) % 60).padStart(2, "0");
  return `${Math.floor(Math.round(seconds) / 60)} min ${s} s`;
}

/** A confidence of 0 to 1 as one of four shades, 0 the least sure. */
export function shade(confidence) {
  if (confidence < 0.5) return 0;
  if (confidence < 0.7) return 1;
  return confidence < 0.85 ? 2 : 3;
}

/** `1 call`, `2 calls`. */
export function count(number, noun) {
  return `${number} ${noun}${number === 1 ? "" : "s"}`;
}

/** An element with a class and text, since data never becomes markup. */
export function element(tag, className = "", text = "") {
  const made = document.createElement(tag);
  if (className) made.className = className;
  if (text) made.textContent = text;
  return made;
}
