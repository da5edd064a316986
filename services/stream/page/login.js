// The key becomes a cookie once, since an event stream can send no header.

const REFUSALS = {
  401: "That is not the key.",
  403: "That key may not read.",
  429: "Too many attempts. Wait a minute.",
};

export class Login {
  #dialog = document.getElementById("login");
  #key = document.getElementById("key");
  #error = document.getElementById("login-error");

  /** `entered` is called once the service took the key, `left` once it forgot it. */
  constructor({ entered, left }) {
    document.getElementById("login-form").addEventListener("submit", async (event) => {
      event.preventDefault();
      if (await this.#enter()) entered();
    });
    document.getElementById("logout").addEventListener("click", async () => {
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

  /** Whether to offer to sign out. */
  showLogout(offered) {
    document.getElementById("logout").hidden = !offered;
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
    this.#error.textContent = REFUSALS[answer?.status] ?? "The service does not answer. Try again.";
    return false;
  }
}
