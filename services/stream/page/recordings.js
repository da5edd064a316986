// What the history and the events say of the recordings, without any element of the page.

import { called } from "./names.js";

/**
 * @typedef {import("./types.js").Recording} Recording
 * @typedef {import("./types.js").EchoEvent} EchoEvent
 * @typedef {import("./types.js").Found} Found
 * @typedef {import("./types.js").Segment} Segment
 */

/** Recordings that are kept; the oldest go first. */
export const MOST = 10_000;

const RANK = { queued: 0, started: 1, completed: 2, failed: 2 };

/**
 * @typedef {object} Change
 * @property {Recording | null} recording what to draw
 * @property {boolean} added whether it was not known before
 * @property {Recording[]} gone
 */

export class Recordings {
  /** @type {Map<string, Recording>} */
  #known = new Map();
  /** @type {Recording[]} */
  #order = [];
  #open;

  /** @param {boolean} open whether events bring recordings that were not there */
  constructor(open = true) {
    this.#open = open;
  }

  /** The newest first; not to be changed. */
  get order() {
    return this.#order;
  }

  /** @param {string} id */
  get(id) {
    return this.#known.get(id);
  }

  /**
   * Take one event in.
   * @param {EchoEvent} event
   * @returns {Change}
   */
  apply(event) {
    if (event.type === "deleted") return this.#delete(event);
    let recording = this.#known.get(event.recording);
    const added = !recording;
    if (!recording) {
      if (!this.#open) return { recording: null, added: false, gone: [] };
      recording = begun(event.recording, event, new Date(event.time));
      this.#insert(recording);
    }
    fold(recording, event);
    return { recording, added, gone: this.#overflow() };
  }

  /**
   * Take in what the history lists.
   * @param {Found} found
   * @returns {Change}
   */
  take(found) {
    let recording = this.#known.get(found.id);
    const added = !recording;
    const time = new Date(found.start ?? found.received);
    if (!recording) {
      recording = begun(found.id, found, time);
      this.#insert(recording);
    } else if (recording.time.getTime() !== time.getTime()) {
      this.#order.splice(this.#order.indexOf(recording), 1);
      recording.time = time;
      this.#insert(recording);
    }
    merge(recording, found);
    return { recording, added, gone: this.#overflow() };
  }

  /**
   * Of what was deleted nothing stays; without its audio a recording stays, and is silent.
   * @param {EchoEvent} event
   * @returns {Change}
   */
  #delete(event) {
    const recording = this.#known.get(event.recording);
    if (!recording) return { recording: null, added: false, gone: [] };
    if (event.what === "audio") {
      recording.silent = true;
      return { recording, added: false, gone: [] };
    }
    this.#known.delete(recording.id);
    this.#order.splice(this.#order.indexOf(recording), 1);
    return { recording: null, added: false, gone: [recording] };
  }

  /** @param {Recording} recording */
  #insert(recording) {
    this.#known.set(recording.id, recording);
    let [low, high] = [0, this.#order.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#order[middle].time > recording.time) low = middle + 1;
      else high = middle;
    }
    this.#order.splice(low, 0, recording);
  }

  #overflow() {
    const gone = this.#order.splice(MOST);
    for (const recording of gone) this.#known.delete(recording.id);
    return gone;
  }
}

/**
 * What is known of its words, from the beginning on: a text of the history, where the segments'
 * events came before the page did, and segments.
 * @param {Recording} recording
 * @returns {{base: Recording["base"], segments: Segment[]}}
 */
export function spoken(recording) {
  const { base, segments } = recording;
  const whole = !base || all(segments, base.segments);
  return whole
    ? { base: null, segments: segments.filter(Boolean) }
    : { base, segments: segments.slice(base.segments).filter(Boolean) };
}

/**
 * What is known of its words, as one text.
 * @param {Recording} recording
 */
export function textOf(recording) {
  const { base, segments } = spoken(recording);
  return [base?.text, ...segments.map(({ text }) => text)].filter(Boolean).join(" ");
}

/**
 * @param {Segment[]} segments
 * @param {number} count
 */
function all(segments, count) {
  for (let at = 0; at < count; at += 1) if (!segments[at]) return false;
  return true;
}

/**
 * @param {string} id
 * @param {{source: string, channel: string, metadata?: Record<string, unknown>}} of
 * @param {Date} time
 * @returns {Recording}
 */
function begun(id, of, time) {
  return {
    id,
    source: of.source,
    channel: of.channel,
    called: called(of),
    time,
    version: 0,
    status: "queued",
    segments: [],
    base: null,
    duration: null,
    // As recorders say that somebody pressed the emergency button.
    urgent: Boolean(of.metadata?.emergency),
    confidence: null,
    review: false,
    corrected: false,
    silent: false,
    worker: "",
    reason: "",
    notes: "",
    snippet: [],
    alerts: new Set(),
    stale: false,
  };
}

/**
 * @param {Recording} recording
 * @param {number} version
 */
function begin(recording, version) {
  Object.assign(recording, {
    version, status: "queued", segments: [], base: null, reason: "", notes: "",
    confidence: null, review: false, corrected: false, stale: false,
  });
}

/**
 * @param {Recording} recording
 * @param {Found} found
 */
function merge(recording, found) {
  recording.called = called(found);
  recording.duration = found.duration;
  recording.silent = Boolean(found.audio_deleted);
  recording.snippet = found.snippet ?? [];
  const version = found.version ?? 0;
  if (version < recording.version) return;
  if (version > recording.version) begin(recording, version);
  if (RANK[found.status] >= RANK[recording.status]) recording.status = found.status;
  recording.confidence = found.confidence;
  recording.review = found.needs_review;
  recording.corrected = found.corrected;
  recording.notes ||= found.model ?? "";
  recording.stale = false;
  const text = found.text_cut ? `${found.text}…` : found.text;
  recording.base = { text, segments: found.segments, confidence: found.confidence };
}

/**
 * @param {Recording} recording
 * @param {EchoEvent} event
 */
function fold(recording, event) {
  // A correction is shown until the next one, whatever models make of the recording later.
  if (recording.corrected && event.type !== "corrected" && event.version !== recording.version) return;
  if (event.type === "corrected") {
    if (event.version > recording.version || !recording.corrected) {
      const text = textOf(recording);
      begin(recording, event.version);
      // The event says that it was corrected, and not how: until that is read it says what it said.
      recording.base = { text, segments: Infinity, confidence: null };
      recording.stale = true;
    }
    Object.assign(recording, { status: "completed", corrected: true });
    recording.notes = event.by ? `corrected by ${event.by}` : "corrected";
    return;
  }
  // Else the newest version is shown; what still comes of an older one is left aside.
  if (event.version > recording.version) begin(recording, event.version);
  if (event.version === recording.version) FOLDS[event.type]?.(recording, event);
}

/** @type {Record<string, (recording: Recording, event: EchoEvent) => void>} */
const FOLDS = {
  queued(recording, event) {
    recording.duration = event.duration;
    recording.urgent ||= event.lane === "urgent";
  },
  started(recording, event) {
    recording.worker = event.worker;
    if (recording.status === "queued") recording.status = "started";
  },
  segment(recording, event) {
    if (recording.status === "queued") recording.status = "started";
    recording.segments[event.index] = event;
  },
  completed(recording, event) {
    recording.status = "completed";
    recording.duration = event.duration;
    recording.notes = describe(event);
  },
  failed(recording, event) {
    recording.status = "failed";
    recording.reason = event.reason;
  },
};

/** @param {EchoEvent} event */
function describe(event) {
  const speed = event.processing > 0
    ? `, ${(event.duration / event.processing).toFixed(0)}× real time`
    : "";
  return `${event.model}${speed}`;
}
