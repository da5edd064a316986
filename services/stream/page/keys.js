// Keys for everything, shown by `?`. Single keys can be switched off, for who speaks or types them.

import { element, part } from "./text.js";

const STORE = "echobase.keys";
const NAMES = /** @type {Record<string, string>} */ ({
  Enter: "Enter", Escape: "Esc", ArrowDown: "↓", ArrowUp: "↑", ArrowLeft: "←", ArrowRight: "→",
});

/**
 * @typedef {object} Binding
 * @property {string[]} keys as `KeyboardEvent.key` calls them
 * @property {string} does
 * @property {(event: KeyboardEvent) => boolean | void} run; false if it did nothing
 */

export class Keys {
  #dialog = /** @type {HTMLDialogElement} */ (part("help"));
  #single = /** @type {HTMLInputElement} */ (part("single-keys"));
  #bindings;

  /** @param {Binding[]} bindings */
  constructor(bindings) {
    this.#bindings = [...bindings, { keys: ["?"], does: "this list", run: () => this.show() }];
    this.#single.checked = localStorage.getItem(STORE) !== "off";
    this.#single.addEventListener("change", () =>
      localStorage.setItem(STORE, this.#single.checked ? "on" : "off"));
    part("help-button").addEventListener("click", () => this.show());
    addEventListener("keydown", (event) => this.#press(event));
    part("help-keys").replaceChildren(...this.#bindings.flatMap(({ keys, does }) => {
      const term = element("dt");
      term.append(...keys.flatMap((key) => [element("kbd", "", NAMES[key] ?? key), " "]));
      return [term, element("dd", "", does)];
    }));
  }

  show() {
    this.#dialog.showModal();
  }

  /** @param {KeyboardEvent} event */
  #press(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
    if (event.key.length === 1 && !this.#single.checked) return;
    if (document.querySelector("dialog[open], :popover-open") || isTyping(event.target, event.key)) return;
    const binding = this.#bindings.find(({ keys }) => keys.includes(event.key));
    if (binding && binding.run(event) !== false) event.preventDefault();
  }
}

/**
 * Whether a key belongs to the element that has the focus.
 * @param {EventTarget | null} target
 * @param {string} key
 */
function isTyping(target, key) {
  // A field of a dialog that was just closed keeps the focus until the next frame.
  if (!(target instanceof HTMLElement) || !target.checkVisibility()) return false;
  if (target.matches("select, [role=slider]")) return key !== "Escape";
  return target.matches("input, textarea, [contenteditable]") && key !== "Escape";
}
