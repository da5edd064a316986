// How the page is connected, as its corner says it.

import { part, when } from "./text.js";

export class State {
  #open = false;
  #lost = false;
  #busAway = false;
  /** @type {Date | null} */
  #returned = null;

  /** @param {boolean} away whether the services miss their message bus */
  set busAway(away) {
    this.#busAway = away;
    this.#show();
  }

  open() {
    if (this.#lost) this.#returned = new Date();
    this.#lost = false;
    this.#open = true;
    this.#show();
  }

  lost() {
    this.#lost = true;
    this.#show();
  }

  lock() {
    this.#open = false;
    this.#lost = false;
    this.#say("locked", "Signed out");
  }

  #show() {
    if (this.#lost) this.#say("lost", "Reconnecting");
    else if (this.#busAway) this.#say("waiting", "Waiting for the message bus");
    else if (this.#returned) this.#say("live", `Live, reconnected ${when(this.#returned)}`);
    else if (this.#open) this.#say("live", "Live");
  }

  /**
   * @param {string} state
   * @param {string} text
   */
  #say(state, text) {
    part("connection").dataset.state = state;
    if (part("connection-text").textContent !== text) part("connection-text").textContent = text;
  }
}
