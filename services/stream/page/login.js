// The key becomes a cookie once, since an event stream can send no header.

import { part } from "./text.js";

/** @type {Record<number, string>} */
const REFUSALS = {
  401: "That is not the key.",
  403: "That key may not read.",
  429: "Too many attempts. Wait a minute.",
};

export class Login {
  #dialog = /** @type {HTMLDialogElement} */ (part("login"));
  #key = /** @type {HTMLInputElement} */ (part("key"));
  #error = part("login-error");

  /**
   * @param {{entered: () => void, left: () => void}} handlers `entered`: the service took the key;
   *   `left`: it forgot it
   */
  constructor({ entered, left }) {
    part("login-form").addEventListener("submit", async (event) => {
      event.preventDefault();
      if (await this.#enter()) entered();
    });
    part("logout").addEventListener("click", async () => {
      await fetch(new URL("session", document.baseURI), { method: "DELETE" }).catch(() => null);
      left();
    });
  }

  /** Ask for the key, unless that is being done. */
  ask() {
    if (this.#dialog.open) return;
    this.#error.textContent = "";
    this.#dialog.showModal();
  }

  /** @param {boolean} offered whether one can sign out */
  showLogout(offered) {
    part("logout").hidden = !offered;
  }

  async #enter() {
    const answer = await fetch(new URL("session", document.baseURI), {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ key: this.#key.value }),
    }).catch(() => null);
    if (answer?.ok) {
      this.#key.value = "";
      this.#dialog.close();
      return true;
    }
    this.#error.textContent = REFUSALS[answer?.status ?? 0] ?? "The service does not answer. Try again.";
    return false;
  }
}
