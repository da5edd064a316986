// What the events say of the recordings: a fold, without any element of the page.

/** Rows that are kept; the oldest go first. */
export const MOST = 400;

export class Recordings {
  #known = new Map();

  /** Take one event in; gives back the recording to draw, if any, and those that had to go. */
  apply(event) {
    if (event.type === "deleted") return this.#delete(event);
    let recording = this.#known.get(event.recording);
    if (!recording) {
      recording = {
        id: event.recording,
        source: event.source,
        channel: event.channel,
        time: new Date(event.time),
        version: 0,
      };
      this.#known.set(recording.id, recording);
    }
    // The newest version is shown; what still comes of an older one is left aside.
    if (event.version > recording.version) begin(recording, event.version);
    if (event.version === recording.version) fold(recording, event);
    return { recording, gone: this.#overflow() };
  }

  /** Of what was deleted nothing stays; without its audio a recording stays, and is silent. */
  #delete(event) {
    const recording = this.#known.get(event.recording);
    if (!recording) return { recording: null, gone: [] };
    if (event.what === "audio") {
      recording.silent = true;
      return { recording, gone: [] };
    }
    this.#known.delete(recording.id);
    return { recording: null, gone: [recording] };
  }

  #overflow() {
    const gone = [];
    for (const [id, recording] of this.#known) {
      if (this.#known.size <= MOST) break;
      this.#known.delete(id);
      gone.push(recording);
    }
    return gone;
  }
}

function begin(recording, version) {
  Object.assign(recording, {
    version, status: "queued", segments: [], duration: null, reason: "", notes: "",
  });
}

function fold(recording, event) {
  switch (event.type) {
    case "queued":
      recording.duration = event.duration;
      recording.lane = event.lane;
      break;
    case "started":
      if (recording.status === "queued") recording.status = "started";
      break;
    case "segment":
      recording.status = "started";
      recording.segments[event.index] = event;
      break;
    case "completed":
      recording.status = "completed";
      recording.duration = event.duration;
      recording.notes = describe(event);
      break;
    case "failed":
      recording.status = "failed";
      recording.reason = event.reason;
      break;
  }
}

function describe(event) {
  const speed = event.processing > 0 ? `, ${(event.duration / event.processing).toFixed(0)}× real time` : "";
  return `${event.model}${speed}`;
}
