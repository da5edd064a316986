// Words that somebody waits for: whoever says one is pointed out, with a sound if that is wanted.

import { chime } from "./sound.js";
import { element, part, plain, when } from "./text.js";

/** @typedef {import("./types.js").Recording} Recording */

const STORE = "echobase.alerts";
const MOST_SHOWN = 3;

export class Alerts {
  #dialog = /** @type {HTMLDialogElement} */ (part("alerts"));
  #words = /** @type {HTMLTextAreaElement} */ (part("alert-words"));
  #sound = /** @type {HTMLInputElement} */ (part("alert-sound"));
  #place = part("alerted");
  /** @type {{shown: string, wanted: string}[]} */
  #wanted = [];

  constructor() {
    const kept = stored();
    this.#words.value = kept.words.join("\n");
    this.#sound.checked = kept.sound;
    this.#read();
    part("alerts-form").addEventListener("submit", () => {
      this.#read();
      localStorage.setItem(STORE, JSON.stringify({ words: this.#lines(), sound: this.#sound.checked }));
    });
    // Whoever wants a sound hears it at once, which also makes the browser allow it later.
    this.#sound.addEventListener("change", () => { if (this.#sound.checked) chime(); });
    part("alerts-button").addEventListener("click", () => this.show());
  }

  show() {
    this.#dialog.showModal();
    this.#words.focus();
  }

  /**
   * Look for the words in what a recording has said by now. Whether there was a new one.
   * @param {Recording} recording
   */
  look(recording) {
    if (!this.#wanted.length) return false;
    const said = ` ${plain(recording.segments.map((each) => each?.text ?? "").join(" "))} `;
    const heard = this.#wanted.filter(({ wanted, shown }) =>
      said.includes(wanted) && !recording.alerts.has(shown));
    for (const { shown } of heard) {
      recording.alerts.add(shown);
      this.#tell(recording, shown);
    }
    return heard.length > 0;
  }

  /**
   * @param {Recording} recording
   * @param {string} word
   */
  #tell(recording, word) {
    if (this.#sound.checked) chime();
    const line = element("p", "alert");
    const open = element("a", "", `${recording.called.channel}, ${when(new Date())}`);
    open.href = `?recording=${recording.id}`;
    const close = element("button", "dismiss", "×");
    close.type = "button";
    close.ariaLabel = "Dismiss";
    close.addEventListener("click", () => line.remove());
    line.append(element("b", "", word), " ", open, close);
    this.#place.prepend(line);
    while (this.#place.childElementCount > MOST_SHOWN) this.#place.lastElementChild?.remove();
  }

  #lines() {
    return this.#words.value.split("\n").map((line) => line.trim()).filter(Boolean);
  }

  #read() {
    this.#wanted = this.#lines().map((shown) => {
      const end = shown.endsWith("*") ? "" : " ";
      return { shown, wanted: ` ${plain(shown)}${end}` };
    }).filter(({ wanted }) => wanted.trim());
    part("alerts-button").classList.toggle("on", this.#wanted.length > 0);
  }
}

function stored() {
  try {
    const kept = JSON.parse(localStorage.getItem(STORE) ?? "{}");
    return { words: (kept.words ?? []).map(String), sound: Boolean(kept.sound) };
  } catch {
    return { words: [], sound: false };
  }
}
