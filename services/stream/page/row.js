// One recording in the list.

import { element, length, offset, shade, when } from "./text.js";

/** From this length on a recording's segments stand on lines of their own, with their times. */
const LONG = 30;
const FORMATS = ["txt", "srt", "vtt", "json"];
const STATES = { queued: "Waiting", started: "Listening", failed: "Failed" };

export class Row {
  #drawn = 0;
  #parts;
  #version = 0;

  constructor(recording, player) {
    this.recording = recording;
    const copy = document.getElementById("row").content.cloneNode(true);
    this.element = copy.querySelector("li");
    this.#parts = Object.fromEntries(
      ["when", "channel", "source", "words", "state", "formats", "play"].map((name) => [
        name, copy.querySelector(`.${name}`),
      ]),
    );
    this.element.id = `recording-${recording.id}`;
    this.#parts.when.dateTime = recording.time.toISOString();
    this.#parts.when.textContent = when(recording.time);
    this.#parts.channel.textContent = recording.channel;
    this.#parts.source.textContent = recording.source;
    this.#parts.play.addEventListener("click", () => player.toggle(this));
    this.showPlaying(false);
  }

  /** Bring the elements up to what is known of the recording. */
  draw() {
    const { recording } = this;
    if (this.#version !== recording.version) this.#begin();
    this.element.dataset.status = recording.status;
    this.element.classList.toggle("long", recording.duration > LONG);
    this.#drawWords();
    this.#drawState();
    this.#drawFormats();
    this.#parts.play.hidden = Boolean(recording.silent);
  }

  /** Whether the recording is being played, and if so at which second. */
  showPlaying(playing, second = -1) {
    const name = `${playing ? "Pause" : "Play"} ${this.recording.channel}, ${when(this.recording.time)}`;
    this.#parts.play.setAttribute("aria-pressed", String(playing));
    this.#parts.play.setAttribute("aria-label", name);
    for (const span of this.#parts.words.children) {
      const [start, end] = [Number(span.dataset.start), Number(span.dataset.end)];
      span.classList.toggle("heard", start <= second && second < end);
    }
  }

  #begin() {
    this.#version = this.recording.version;
    this.#drawn = 0;
    this.#parts.words.replaceChildren();
    this.#parts.formats.replaceChildren();
  }

  #drawWords() {
    const { words } = this.#parts;
    const atEnd = words.scrollTop + words.clientHeight >= words.scrollHeight - 8;
    for (; this.#drawn < this.recording.segments.length; this.#drawn += 1) {
      const segment = this.recording.segments[this.#drawn];
      if (segment) words.append(segmentElement(segment));
    }
    // While words arrive the last ones are in view; what is complete is read from its beginning.
    if (atEnd && this.recording.status === "started") words.scrollTop = words.scrollHeight;
    // What can be scrolled must be reachable without a mouse.
    if (words.scrollHeight > words.clientHeight + 1) {
      words.tabIndex = 0;
      words.setAttribute("role", "group");
      words.setAttribute("aria-label", `Words of ${this.recording.channel}`);
    }
    words.dataset.note = this.#note();
  }

  #note() {
    const { status, segments, reason } = this.recording;
    if (status === "failed") return reason;
    if (segments.length) return "";
    return status === "completed" ? "No speech" : "";
  }

  #drawState() {
    const { status, duration, notes } = this.recording;
    const shown = [STATES[status], duration === null ? "" : length(duration)].filter(Boolean);
    this.#parts.state.textContent = shown.join(" · ");
    this.#parts.state.title = notes;
  }

  #drawFormats() {
    if (this.recording.status !== "completed" || this.#parts.formats.childElementCount) return;
    for (const format of FORMATS) {
      const path = `v1/recordings/${this.recording.id}/transcript.${format}`;
      const link = element("a", "", format);
      link.href = new URL(`${path}?version=${this.recording.version}`, document.baseURI).href;
      link.setAttribute("aria-label", `Transcript as ${format}`);
      this.#parts.formats.append(link);
    }
  }
}

function segmentElement(segment) {
  const line = element("span", "segment");
  line.dataset.start = segment.start;
  line.dataset.end = segment.end;
  line.title = `${offset(segment.start)}–${offset(segment.end)}, ${Math.round(segment.confidence * 100)} % sure`;
  line.append(element("span", "at", offset(segment.start)));
  const text = element("span", "text");
  if (segment.words?.length) {
    for (const word of segment.words) text.append(shaded(word.text, word.confidence), " ");
  } else {
    text.append(shaded(segment.text, segment.confidence));
  }
  line.append(text, " ");
  return line;
}

function shaded(text, confidence) {
  const span = element("span", "", text);
  span.dataset.shade = shade(confidence);
  return span;
}
