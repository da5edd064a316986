// Plays one recording at a time, wherever it is shown.

import { address } from "./api.js";

/**
 * @typedef {object} Playing
 * @property {string} id of the recording; empty if none was chosen
 * @property {boolean} playing
 * @property {number} second where it is
 */

export class Player {
  #audio = new Audio();
  #id = "";
  #frame = 0;
  /** @type {((now: Playing, failed: boolean) => void)[]} */
  #watchers = [];

  constructor() {
    this.#audio.preload = "metadata";
    for (const name of ["play", "pause", "ended", "seeked", "timeupdate"]) {
      this.#audio.addEventListener(name, () => this.#tell());
    }
    this.#audio.addEventListener("error", () => this.#tell(true));
  }

  /** @returns {Playing} */
  get now() {
    const { paused, ended, currentTime } = this.#audio;
    return { id: this.#id, playing: Boolean(this.#id) && !paused && !ended, second: currentTime };
  }

  /** How fast it plays; 1 is as it was spoken. */
  get rate() {
    return this.#audio.playbackRate;
  }

  set rate(rate) {
    this.#audio.defaultPlaybackRate = rate;
    this.#audio.playbackRate = rate;
  }

  /**
   * Call back whenever something changes, each frame while it plays.
   * @param {(now: Playing, failed: boolean) => void} watcher
   */
  watch(watcher) {
    this.#watchers.push(watcher);
  }

  /**
   * Play a recording, or pause it if it is playing.
   * @param {string} id
   */
  toggle(id) {
    if (this.#id === id && this.now.playing) {
      this.#audio.pause();
      return;
    }
    this.#choose(id);
    this.#play();
  }

  /**
   * Go to a second of a recording; playing goes on if it was, or begins.
   * @param {string} id
   * @param {number} second
   */
  seek(id, second, play = true) {
    const playing = this.#id === id && this.now.playing;
    this.#choose(id);
    this.#audio.currentTime = Math.max(0, second);
    if (play && !playing) this.#play();
    this.#tell();
  }

  /**
   * A recording leaves the page.
   * @param {string} id
   */
  forget(id) {
    if (this.#id !== id) return;
    this.#audio.pause();
    this.#audio.removeAttribute("src");
    this.#id = "";
    this.#tell();
  }

  /** @param {string} id */
  #choose(id) {
    if (this.#id === id) return;
    this.#audio.pause();
    this.#id = id;
    this.#audio.src = address(`v1/recordings/${id}/audio`).href;
  }

  #play() {
    // A refusal (no such audio, or a format that the browser lacks) is told by the error.
    this.#audio.play().catch(() => this.#tell());
  }

  #tell(failed = false) {
    cancelAnimationFrame(this.#frame);
    const { now } = this;
    for (const watcher of this.#watchers) watcher(now, failed);
    // The browser itself says where it is four times a second: too seldom for words.
    if (now.playing) this.#frame = requestAnimationFrame(() => this.#tell());
  }
}
