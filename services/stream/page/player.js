// Plays one recording at a time.

export class Player {
  #audio = new Audio();
  #row = null;

  constructor() {
    this.#audio.preload = "none";
    this.#audio.addEventListener("timeupdate", () => this.#show());
    this.#audio.addEventListener("play", () => this.#show());
    this.#audio.addEventListener("pause", () => this.#show());
    this.#audio.addEventListener("ended", () => this.#row?.showPlaying(false));
  }

  /** Play the row's recording, or pause it if it is playing. */
  toggle(row) {
    if (this.#row === row) {
      if (this.#audio.paused) this.#play();
      else this.#audio.pause();
      return;
    }
    this.#row?.showPlaying(false);
    this.#row = row;
    this.#audio.src = new URL(`v1/recordings/${row.recording.id}/audio`, document.baseURI).href;
    this.#play();
  }

  /** The row leaves the page. */
  forget(row) {
    if (this.#row !== row) return;
    this.#audio.pause();
    this.#row = null;
  }

  #play() {
    // A refusal (no such audio, or a format that the browser lacks) leaves the button as it was.
    this.#audio.play().catch(() => this.#row?.showPlaying(false));
  }

  #show() {
    const playing = !this.#audio.paused;
    this.#row?.showPlaying(playing, playing ? this.#audio.currentTime : -1);
  }
}
