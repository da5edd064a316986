// How loud a recording is over its time, drawn on a canvas; it is also where one seeks.

import { address } from "./api.js";
import { offset, part } from "./text.js";

/** Seconds beyond which nothing is drawn: decoded, an hour of audio is a hundred megabytes. */
const LONGEST = 1_800;
/** Samples a second that are enough for a picture. */
const RATE = 8_000;
const BAR = 3; // pixels from one bar to the next
const STEP = 5; // seconds that an arrow key moves

export class Waveform {
  #place = part("waveform");
  #canvas = /** @type {HTMLCanvasElement} */ (this.#place.querySelector("canvas"));
  #seek;
  #duration = 0;
  #second = 0;
  /** @type {Float32Array | null} */
  #samples = null;
  /** @type {number[]} */
  #bars = [];
  #abort = new AbortController();

  /** @param {(second: number) => void} seek */
  constructor(seek) {
    this.#seek = seek;
    this.#place.addEventListener("pointerdown", (event) => this.#point(event));
    this.#place.addEventListener("pointermove", (event) => {
      if (event.buttons & 1) this.#point(event);
    });
    this.#place.addEventListener("keydown", (event) => this.#key(event));
    new ResizeObserver(() => this.#measure()).observe(this.#place);
    // Its colours are those of the page.
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.#draw());
  }

  /**
   * Show another recording. Whether its audio could be drawn.
   * @param {string} id
   * @param {number} duration seconds
   */
  async show(id, duration) {
    this.clear(duration);
    if (duration > LONGEST) return true;
    const { signal } = this.#abort;
    try {
      const answer = await fetch(address(`v1/recordings/${id}/audio`), { signal });
      if (!answer.ok) return false;
      const context = new OfflineAudioContext(1, 1, RATE);
      const audio = await context.decodeAudioData(await answer.arrayBuffer());
      if (signal.aborted) return true;
      this.#samples = audio.getChannelData(0);
      this.#measure();
      this.#place.dataset.drawn = "true";
      return true;
    } catch {
      return signal.aborted;
    }
  }

  clear(duration = 0) {
    this.#abort.abort();
    this.#abort = new AbortController();
    this.#duration = duration;
    this.#samples = null;
    delete this.#place.dataset.drawn;
    this.#place.ariaValueMin = "0";
    this.#place.ariaValueMax = String(Math.round(duration));
    this.#measure();
    this.at(0);
  }

  /** @param {number} second where it is played */
  at(second) {
    if (second === this.#second && this.#place.ariaValueText) return;
    this.#second = second;
    this.#place.ariaValueNow = String(Math.round(second));
    this.#place.ariaValueText = `${offset(second)} of ${offset(this.#duration)}`;
    this.#draw();
  }

  /** How loud it is where each bar stands, 0 to 1. */
  #measure() {
    const { clientWidth: width, clientHeight: height } = this.#place;
    const scale = devicePixelRatio || 1;
    Object.assign(this.#canvas, { width: Math.round(width * scale), height: Math.round(height * scale) });
    const number = Math.max(1, Math.floor(width / BAR));
    this.#bars = this.#samples ? loudness(this.#samples, number) : new Array(number).fill(0);
    this.#draw();
  }

  #draw() {
    const paper = this.#canvas.getContext("2d");
    if (!paper) return;
    const { width, height } = this.#canvas;
    const scale = devicePixelRatio || 1;
    const style = getComputedStyle(this.#place);
    const [played, rest] = [style.getPropertyValue("--accent"), style.getPropertyValue("--wave")];
    const now = this.#duration ? (this.#second / this.#duration) * width : 0;
    paper.clearRect(0, 0, width, height);
    this.#bars.forEach((loud, at) => {
      const left = at * BAR * scale;
      const tall = Math.max(scale, loud * height * 0.94);
      paper.fillStyle = left < now ? played : rest;
      paper.fillRect(left, (height - tall) / 2, (BAR - 1) * scale, tall);
    });
    paper.fillStyle = played;
    paper.fillRect(Math.min(now, width - 2 * scale), 0, 2 * scale, height);
  }

  /** @param {PointerEvent} event */
  #point(event) {
    if (event.button > 0) return;
    const { left, width } = this.#place.getBoundingClientRect();
    const part = Math.max(0, Math.min(1, (event.clientX - left) / width));
    this.#seek(part * this.#duration);
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    /** @type {Record<string, number>} */
    const to = {
      ArrowLeft: this.#second - STEP,
      ArrowRight: this.#second + STEP,
      Home: 0,
      End: this.#duration,
    };
    if (!(event.key in to) || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    this.#seek(Math.max(0, Math.min(this.#duration, to[event.key])));
  }
}

/**
 * How loud each part is, with the loudest of all as 1; quiet things are made visible.
 * @param {Float32Array} samples
 * @param {number} parts
 */
function loudness(samples, parts) {
  const bars = [];
  for (let part = 0; part < parts; part += 1) {
    let sum = 0;
    const begin = Math.floor((part * samples.length) / parts);
    const end = Math.floor(((part + 1) * samples.length) / parts);
    for (let at = begin; at < end; at += 1) sum += samples[at] ** 2;
    bars.push(Math.sqrt(sum / Math.max(1, end - begin)));
  }
  const top = Math.max(...bars, 0.01);
  return bars.map((bar) => (bar / top) ** 0.75);
}
