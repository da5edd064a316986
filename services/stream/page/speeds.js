// How fast each worker was lately, by what it completed.

/**
 * @typedef {import("./types.js").EchoEvent} EchoEvent
 * @typedef {import("./types.js").Recording} Recording
 */

/** Recordings of a worker that its speed is the mean of. */
const LATEST = 20;

export class Speeds {
  /** @type {Map<string, {audio: number, work: number}[]>} */
  #done = new Map();

  /**
   * @param {EchoEvent} event
   * @param {Recording | null} recording
   */
  take(event, recording) {
    if (event.type !== "completed" || !recording?.worker || !(event.processing > 0)) return;
    const done = this.#done.get(recording.worker) ?? [];
    done.push({ audio: event.duration, work: event.processing });
    this.#done.set(recording.worker, done.slice(-LATEST));
  }

  /**
   * Seconds of audio for each second of work; null if nothing is known.
   * @param {string} worker
   */
  of(worker) {
    const done = this.#done.get(worker);
    if (!done) return null;
    const sum = (/** @type {"audio" | "work"} */ name) => done.reduce((total, each) => total + each[name], 0);
    return sum("audio") / sum("work");
  }
}
