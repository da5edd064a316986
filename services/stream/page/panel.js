// One recording: heard, read along, corrected, compared.

import { Problem, read, send } from "./api.js";
import { column, common, wordsOf } from "./compare.js";
import { Editor } from "./editor.js";
import { Facts } from "./facts.js";
import { spoken } from "./recordings.js";
import { offset, part, plain } from "./text.js";
import { TranscriptView } from "./transcript.js";
import { Waveform } from "./waveform.js";

/**
 * @typedef {import("./types.js").Recording} Recording
 * @typedef {import("./types.js").Transcript} Transcript
 * @typedef {import("./types.js").Version} Version
 * @typedef {{recording: any, versions: Version[]}} View
 */

const BY = "echobase.by";

export class Panel {
  #place = part("recording");
  #text = part("transcript");
  #problem = part("recording-problem");
  #by = /** @type {HTMLInputElement} */ (part("recording-by"));
  #player;
  #handlers;
  #waveform;
  #view;
  #editor;
  #facts;
  #id = "";
  #wanted = 0;
  #turn = 0;
  /** @type {View | null} */
  #known = null;
  /** @type {Transcript | null} */
  #transcript = null;
  #editing = false;
  /** @type {Element | null} */
  #opener = null;
  #rights = false;

  /**
   * @param {import("./player.js").Player} player
   * @param {{listed: (id: string) => Recording | undefined, closed: () => void,
   *   chosen: (version: number) => void}} handlers
   */
  constructor(player, handlers) {
    this.#player = player;
    this.#handlers = handlers;
    const seek = (/** @type {number} */ second) => player.seek(this.#id, second);
    this.#waveform = new Waveform((second) => player.seek(this.#id, second, false));
    this.#view = new TranscriptView(this.#text, (second) => { if (!this.#editing) seek(second); });
    this.#editor = new Editor(this.#text, seek);
    this.#facts = new Facts((version) => handlers.chosen(version), () => this.#compare());
    this.#by.value = localStorage.getItem(BY) ?? "";
    player.watch((now, failed) => this.#playing(now, failed));
    this.#listen();
  }

  get id() {
    return this.#id;
  }

  /** @param {boolean} may whether the caller may correct */
  set rights(may) {
    this.#rights = may;
    this.#showTools();
  }

  /** @param {string} id @param {number} version 0 for the one that counts */
  async open(id, version) {
    const other = id !== this.#id;
    if (!other && version === this.#wanted && !this.#place.hidden) return;
    if (other) this.#begin(id);
    this.#wanted = version;
    await this.#load();
  }

  close() {
    if (!this.#id) return false;
    this.#turn += 1;
    this.#id = "";
    this.#place.hidden = true;
    document.body.classList.remove("with-recording");
    this.#waveform.clear();
    this.#view.clear();
    if (this.#opener instanceof HTMLElement && this.#opener.isConnected) this.#opener.focus();
    this.#handlers.closed();
    return true;
  }

  /** What the list knows of it has changed. @param {Recording} recording @param {string} type */
  update(recording, type) {
    if (recording.id !== this.#id || this.#editing) return;
    if (["completed", "corrected", "failed", "queued"].includes(type)) this.#load();
    else if (!this.#transcript) this.#view.add(spoken(recording).segments);
  }

  toggle() {
    this.#player.toggle(this.#id);
  }

  /** Begin to correct, if that is allowed. */
  correct() {
    if (!this.#rights || !this.#transcript || this.#editing) return;
    this.#editing = true;
    this.#editor.show(this.#transcript);
    this.#showTools();
  }

  #listen() {
    part("recording-close").addEventListener("click", () => this.close());
    part("recording-play").addEventListener("click", () => this.toggle());
    part("recording-correct").addEventListener("click", () => this.correct());
    part("recording-right").addEventListener("click", () => this.#save([]));
    part("correction-cancel").addEventListener("click", () => this.#leaveEditor());
    part("correction-add").addEventListener("click", () => this.#editor.add(this.#player.now.second));
    part("correction").addEventListener("submit", (event) => {
      event.preventDefault();
      this.#save(this.#editor.changes());
    });
    this.#text.addEventListener("keydown", (event) => {
      if (!this.#editing) return;
      if (event.key === "Enter" && !event.shiftKey) {
        event.preventDefault();
        this.#save(this.#editor.changes());
      } else if (event.key === "Escape") {
        event.stopPropagation();
        this.#leaveEditor();
      }
    });
    const rate = /** @type {HTMLSelectElement} */ (part("recording-rate"));
    rate.addEventListener("change", () => { this.#player.rate = Number(rate.value); });
  }

  /** @param {string} id */
  #begin(id) {
    if (!this.#id) this.#opener = document.activeElement;
    this.#id = id;
    this.#known = null;
    this.#transcript = null;
    this.#editing = false;
    this.#view.clear();
    this.#waveform.clear();
    this.#say("");
    this.#place.hidden = false;
    this.#place.scrollTop = 0;
    document.body.classList.add("with-recording");
    this.#facts.clear(this.#handlers.listed(id));
    this.#showTools();
    this.#place.focus({ preventScroll: true });
  }

  async #load() {
    const turn = (this.#turn += 1);
    const first = !this.#known;
    try {
      this.#known = await read(`v1/recordings/${this.#id}`);
    } catch (error) {
      if (turn === this.#turn) this.#unknown(error);
      return;
    }
    if (turn !== this.#turn || !this.#known) return;
    const version = this.#version();
    this.#facts.show(this.#known, version);
    if (first) this.#loadAudio(this.#known.recording.duration);
    await this.#loadTranscript(version, turn);
    if (turn === this.#turn) this.#playing(this.#player.now, false);
  }

  /** @param {unknown} error */
  #unknown(error) {
    const listed = this.#handlers.listed(this.#id);
    this.#say(error instanceof Problem ? error.message : String(error));
    if (listed) this.#view.show(spoken(listed).segments, new Set());
  }

  /** @param {number} duration */
  async #loadAudio(duration) {
    const id = this.#id;
    if (await this.#waveform.show(id, duration) || id !== this.#id) return;
    this.#say("This browser cannot draw or play the audio, or it is kept no longer.");
  }

  /** The version to show: the one that was asked for, else the one that counts. */
  #version() {
    const versions = this.#known?.versions ?? [];
    const newest = (/** @type {(version: Version) => boolean} */ wanted) => versions.findLast(wanted);
    return newest(({ version }) => version === this.#wanted)
      ?? newest(({ kind, status }) => kind === "correction" && status === "completed")
      ?? newest(({ status }) => status === "completed")
      ?? versions.at(-1);
  }

  /**
   * @param {Version | undefined} version
   * @param {number} turn
   */
  async #loadTranscript(version, turn) {
    const listed = this.#handlers.listed(this.#id);
    if (version?.status !== "completed") {
      this.#transcript = null;
      this.#say(version?.reason ?? "");
      this.#view.show(listed ? spoken(listed).segments : [], new Set());
      this.#showTools();
      return;
    }
    const transcript = await this.#read(version.version).catch((error) => this.#say(error.message));
    if (turn !== this.#turn || !transcript) return;
    this.#transcript = transcript;
    const looked = (listed?.snippet ?? []).filter(({ match }) => match).map(({ text }) => plain(text));
    this.#view.show(transcript.segments, new Set(looked));
    this.#text.dataset.note = transcript.segments.length ? "" : "No speech";
    this.#showTools();
    this.#compare();
  }

  /** @param {number} version @returns {Promise<Transcript>} */
  #read(version) {
    const query = new URLSearchParams({ version: String(version) });
    return read(`v1/recordings/${this.#id}/transcript.json`, query);
  }

  async #compare() {
    const [place, turn] = [part("beside"), this.#turn];
    const [mine, version] = [this.#transcript, this.#facts.beside];
    place.hidden = !version || !mine;
    this.#text.hidden = !place.hidden;
    if (!version || !mine) return;
    const other = await this.#read(version).catch((error) => this.#say(error.message));
    if (turn !== this.#turn || !other || this.#facts.beside !== version) return;
    const [inMine, inOther] = common(wordsOf(mine.segments), wordsOf(other.segments));
    place.replaceChildren(
      column(this.#facts.name(mine.version), mine.segments, inMine),
      column(this.#facts.name(other.version), other.segments, inOther),
    );
  }

  /** @param {import("./editor.js").SegmentChange[]} segments */
  async #save(segments) {
    if (!this.#transcript) return;
    const by = this.#by.value.trim();
    localStorage.setItem(BY, by);
    try {
      const body = { base: this.#transcript.version, by, segments };
      await send("PATCH", `v1/recordings/${this.#id}/transcript`, body);
    } catch (error) {
      this.#say(error instanceof Problem ? error.message : String(error));
      return;
    }
    this.#say("");
    this.#editing = false;
    this.#wanted = 0;
    this.#handlers.chosen(0);
    await this.#load();
    part("recording-correct").focus();
  }

  #leaveEditor() {
    this.#editing = false;
    this.#say("");
    if (this.#transcript) this.#view.show(this.#transcript.segments, new Set());
    this.#showTools();
    part("recording-correct").focus();
  }

  #showTools() {
    const may = this.#rights && this.#transcript !== null;
    part("recording-correct").hidden = !may || this.#editing;
    part("recording-right").hidden = !may || this.#editing || !this.#facts.doubted;
    part("correction").hidden = !this.#editing;
    this.#place.classList.toggle("editing", this.#editing);
    if (this.#editing) {
      part("beside").hidden = true;
      this.#text.hidden = false;
    }
  }

  /**
   * @param {import("./player.js").Playing} now
   * @param {boolean} failed
   */
  #playing({ id, playing, second }, failed) {
    const mine = id === this.#id && id !== "";
    const button = part("recording-play");
    button.setAttribute("aria-pressed", String(mine && playing));
    button.ariaLabel = mine && playing ? "Pause" : "Play";
    if (!mine) return;
    if (failed) this.#say("The audio cannot be played here.");
    this.#waveform.at(second);
    part("recording-at").textContent = offset(second);
    if (!this.#editing) this.#view.light(second);
  }

  /** @param {string} text */
  #say(text) {
    this.#problem.textContent = text;
    this.#problem.hidden = !text;
  }
}

