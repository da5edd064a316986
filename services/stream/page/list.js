// The list of recordings, newest first, drawn at most once a frame.

import { Recordings } from "./recordings.js";
import { Row } from "./row.js";

/** Sentences that a screen reader may have waiting; more are passed over. */
const MOST_SPOKEN = 4;

export class List {
  #recordings = new Recordings();
  #rows = new Map();
  #stale = new Set();
  #spoken = [];
  #asked = false;
  #player;
  #place = document.getElementById("recordings");
  #empty = document.getElementById("empty");
  #log = document.getElementById("spoken");

  constructor(player) {
    this.#player = player;
  }

  /** Take in one event; `live` unless it is of the past, which is not read aloud. */
  apply(event, live) {
    const { recording, gone } = this.#recordings.apply(event);
    if (recording) this.#stale.add(recording);
    for (const old of gone) this.#remove(old);
    if (live && event.type === "segment") this.#spoken.push(`${event.channel}: ${event.text}`);
    if (this.#asked) return;
    this.#asked = true;
    // A hidden tab gets no frames, and must be up to date when it is looked at.
    if (document.hidden) setTimeout(() => this.#draw());
    else requestAnimationFrame(() => this.#draw());
  }

  #draw() {
    this.#asked = false;
    for (const recording of this.#stale) {
      let row = this.#rows.get(recording.id);
      if (!row) {
        row = new Row(recording, this.#player);
        this.#rows.set(recording.id, row);
        this.#place.prepend(row.element);
      }
      row.draw();
    }
    this.#stale.clear();
    this.#empty.hidden = this.#rows.size > 0;
    this.#speak();
  }

  #speak() {
    for (const sentence of this.#spoken.slice(-MOST_SPOKEN)) {
      const line = document.createElement("span");
      line.textContent = `${sentence} `;
      this.#log.append(line);
    }
    this.#spoken = [];
    while (this.#log.childElementCount > MOST_SPOKEN) this.#log.firstElementChild.remove();
  }

  #remove(recording) {
    this.#stale.delete(recording);
    const row = this.#rows.get(recording.id);
    if (row) this.#player.forget(row);
    row?.element.remove();
    this.#rows.delete(recording.id);
  }
}
