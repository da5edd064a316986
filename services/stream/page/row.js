// One recording in the list.

import { spoken } from "./recordings.js";
import { element, length, when } from "./text.js";
import { marked, segmentLine, shaded } from "./words.js";

/**
 * @typedef {import("./types.js").Recording} Recording
 * @typedef {import("./player.js").Player} Player
 */

/** From this length on a recording's segments stand on lines of their own, with their times. */
const LONG = 30;
const STATES = { queued: "Waiting", started: "Listening", failed: "Failed", completed: "" };

export class Row {
  #parts;
  /** What the words on the screen were made of. */
  #of = /** @type {unknown[]} */ ([]);
  #drawn = 0;
  #heard = -1;

  /**
   * @param {Recording} recording
   * @param {Player} player
   */
  constructor(recording, player) {
    this.recording = recording;
    const template = /** @type {HTMLTemplateElement} */ (document.getElementById("row"));
    const copy = /** @type {DocumentFragment} */ (template.content.cloneNode(true));
    const found = (/** @type {string} */ name) =>
      /** @type {HTMLElement} */ (copy.querySelector(`.${name}`));
    this.element = found("row");
    this.#parts = {
      open: /** @type {HTMLAnchorElement} */ (found("open")),
      when: found("when"),
      channel: found("channel"),
      source: found("source"),
      urgent: found("urgent"),
      words: found("words"),
      state: found("state"),
      play: found("play"),
    };
    this.element.id = `recording-${recording.id}`;
    this.#parts.play.addEventListener("click", () => player.toggle(recording.id));
  }

  /**
   * Bring the elements up to what is known of the recording.
   * @param {Recording} recording
   * @param {number} at its place in the list
   * @param {number} of how many there are
   * @param {boolean} chosen whether it is the one that is open
   */
  draw(recording, at, of, chosen) {
    this.recording = recording;
    const row = this.element;
    row.dataset.status = recording.status;
    row.classList.toggle("long", (recording.duration ?? 0) > LONG);
    row.classList.toggle("is-urgent", recording.urgent);
    row.classList.toggle("alerted", recording.alerts.size > 0);
    if (chosen) this.#parts.open.setAttribute("aria-current", "true");
    else this.#parts.open.removeAttribute("aria-current");
    row.ariaPosInSet = String(at + 1);
    row.ariaSetSize = String(of);
    this.#parts.urgent.hidden = !recording.urgent;
    this.#parts.channel.textContent = recording.called.channel;
    this.#parts.source.textContent = recording.called.source;
    this.#drawTime();
    this.#drawWords();
    this.#drawState();
    this.#parts.play.hidden = recording.silent;
    this.showPlaying(this.#parts.play.getAttribute("aria-pressed") === "true", this.#heard);
  }

  /**
   * @param {boolean} playing whether the recording is being played
   * @param {number} second where it is
   */
  showPlaying(playing, second = -1) {
    this.#heard = second;
    const name = `${playing ? "Pause" : "Play"} ${this.#name()}`;
    if (this.#parts.play.ariaLabel !== name) {
      this.#parts.play.setAttribute("aria-pressed", String(playing));
      this.#parts.play.ariaLabel = name;
    }
    for (const line of this.#parts.words.querySelectorAll(".segment")) {
      const { start, end } = /** @type {HTMLElement} */ (line).dataset;
      line.classList.toggle("heard", Number(start) <= second && second < Number(end));
    }
  }

  #name() {
    return `${this.recording.called.channel}, ${when(this.recording.time)}`;
  }

  #drawTime() {
    const { open, when: time } = this.#parts;
    const text = when(this.recording.time);
    if (time.textContent === text) return;
    time.textContent = text;
    time.setAttribute("datetime", this.recording.time.toISOString());
    open.href = `?recording=${this.recording.id}`;
    open.ariaLabel = `Open ${this.#name()}`;
  }

  #drawWords() {
    const { words } = this.#parts;
    const { recording } = this;
    if (recording.snippet.length) {
      words.replaceChildren(...marked(recording.snippet));
      this.#of = [];
      return;
    }
    const { base, segments } = spoken(recording);
    const of = [recording.segments, base];
    if (of.some((each, at) => each !== this.#of[at])) {
      this.#of = of;
      this.#drawn = 0;
      words.replaceChildren(...(base ? [shaded(base.text, base.confidence), " "] : []));
    }
    for (; this.#drawn < segments.length; this.#drawn += 1) {
      words.append(segmentLine(segments[this.#drawn]));
    }
    // While words arrive the last ones are in view; what is complete is read from its beginning.
    words.scrollTop = recording.status === "started" ? words.scrollHeight : 0;
    words.dataset.note = this.#note(segments.length > 0 || Boolean(base?.text));
  }

  /** @param {boolean} said */
  #note(said) {
    const { status, reason } = this.recording;
    if (status === "failed") return reason;
    return status === "completed" && !said ? "No speech" : "";
  }

  #drawState() {
    const { status, duration, notes, corrected, review, alerts } = this.recording;
    const shown = [STATES[status], duration === null ? "" : length(duration)].filter(Boolean);
    const tags = [
      ...[...alerts].map((word) => element("span", "tag alert-tag", word)),
      ...(corrected ? [element("span", "tag", "corrected")] : []),
      ...(review ? [element("span", "tag review-tag", "review")] : []),
    ];
    this.#parts.state.replaceChildren(...tags, shown.join(" · "));
    this.#parts.state.title = notes;
  }
}

/**
 * The heading of a channel, or what is below its newest calls.
 * @param {import("./layout.js").GroupItem} item
 * @param {(key: string) => void} toggle
 */
export function groupView(item, toggle) {
  const place = element("li", item.kind);
  if (item.kind === "heading") {
    const heading = element("h3");
    const { source, channel } = item.group.rows[0].called;
    heading.append(element("b", "channel", channel), " ", element("span", "source", source));
    place.append(heading, element("span", "number"));
  } else {
    const button = element("button", "quiet");
    button.type = "button";
    button.addEventListener("click", () => toggle(item.group.key));
    place.append(button);
  }
  return place;
}

