// Which channels are listed: those that are known by name, and patterns.

import { read } from "./api.js";
import { count, element, part } from "./text.js";

/**
 * @typedef {import("./types.js").Filter} Filter
 * @typedef {object} Known
 * @property {string} source
 * @property {string} channel
 * @property {string | null} source_label
 * @property {string | null} label
 * @property {number} recordings
 */

export class Channels {
  #dialog = /** @type {HTMLDialogElement} */ (part("channels"));
  #list = part("channel-list");
  #look = /** @type {HTMLInputElement} */ (part("channel-look"));
  #pattern = /** @type {HTMLInputElement} */ (part("channel-pattern"));
  #choose;
  /** @type {Filter[]} */
  #chosen = [];
  /** Those that are ticked, until the dialog is answered. @type {Filter[]} */
  #ticked = [];
  /** @type {Known[]} */
  #known = [];

  /** @param {(filters: Filter[]) => void} choose */
  constructor(choose) {
    this.#choose = choose;
    part("channels-button").addEventListener("click", () => this.show());
    this.#look.addEventListener("input", () => this.#draw());
    part("channel-all").addEventListener("click", () => {
      this.#dialog.close();
      choose([]);
    });
    part("channels-form").addEventListener("submit", () => {
      const pattern = typed(this.#pattern.value);
      if (pattern) this.#ticked.push(pattern);
      choose(this.#ticked);
    });
  }

  /** @param {Filter[]} filters those that are listed now */
  set chosen(filters) {
    this.#chosen = [...filters];
    const button = part("channels-button");
    part("channels-count").textContent = filters.length ? String(filters.length) : "";
    button.classList.toggle("on", filters.length > 0);
    this.#showChips();
  }

  async show() {
    this.#look.value = "";
    this.#pattern.value = "";
    this.#ticked = [...this.#chosen];
    this.#draw();
    this.#dialog.showModal();
    await this.learn();
    this.#draw();
  }

  /** Ask which channels there are, and what people call them. */
  async learn() {
    this.#known = await read("v1/channels").catch(() => this.#known);
    this.#showChips();
  }

  #showChips() {
    part("chips").replaceChildren(...this.#chosen.map((filter) => this.#chip(filter)));
  }

  #draw() {
    const wanted = this.#look.value.trim().toLowerCase();
    const shown = this.#known.filter((each) =>
      [each.source_label, each.source, each.label, each.channel]
        .filter(Boolean).join(" ").toLowerCase().includes(wanted));
    this.#list.replaceChildren(...shown.map((known) => this.#choice(known)));
  }

  /** @param {Known} known */
  #choice(known) {
    const label = element("label", "choice");
    const box = element("input");
    box.type = "checkbox";
    const same = (/** @type {Filter} */ each) =>
      each.source === known.source && each.channel === known.channel;
    box.checked = this.#ticked.some(same);
    box.addEventListener("change", () => {
      this.#ticked = this.#ticked.filter((each) => !same(each));
      if (box.checked) this.#ticked.push({ source: known.source, channel: known.channel });
    });
    const name = element("b", "channel", known.label ?? known.channel);
    const source = element("span", "source", known.source_label ?? known.source);
    if (known.label) source.append(` · ${known.channel}`);
    const number = element("span", "number", count(known.recordings, "call"));
    label.append(box, name, " ", source, " ", number);
    return label;
  }

  /** @param {Filter} filter */
  #chip(filter) {
    const known = this.#known.find((each) =>
      each.source === filter.source && each.channel === filter.channel);
    const name = [known?.source_label ?? filter.source, known?.label ?? filter.channel]
      .map((each) => each || "*").join(" / ");
    const chip = element("button", "chip", `${name} ×`);
    chip.type = "button";
    chip.ariaLabel = `Leave out ${name}`;
    chip.addEventListener("click", () => this.#choose(this.#chosen.filter((each) => each !== filter)));
    return chip;
  }
}

/**
 * `source/channel`, or a channel alone; a `*` in either stands for any characters.
 * @param {string} text
 * @returns {Filter | null}
 */
function typed(text) {
  if (!text.trim()) return null;
  const at = text.indexOf("/");
  const [source, channel] = at < 0 ? ["", text] : [text.slice(0, at), text.slice(at + 1)];
  const found = { source: source.trim(), channel: channel.trim() };
  return found.source || found.channel ? found : null;
}
