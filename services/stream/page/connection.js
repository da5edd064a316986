// One event stream that comes back by itself, from where it was.

const FIRST_WAIT = 500; // milliseconds; doubled up to the longest
const LONGEST_WAIT = 15_000;
const TYPES = ["queued", "started", "segment", "completed", "failed", "deleted"];

/**
 * Always makes a new EventSource after an error: the browser's own one gives up for good on any
 * answer but 200, and the page wants one way of coming back, not two.
 */
export class Connection {
  #source = null;
  #timer = 0;
  #wait = FIRST_WAIT;
  #last = null;
  #handlers;

  /** `handlers`: event(event, sequence), gap(reason), open(), lost(), ended(reason). */
  constructor(handlers) {
    this.#handlers = handlers;
  }

  /** Whether it was started and not stopped. */
  get started() {
    return this.#source !== null || this.#timer !== 0;
  }

  /** Follow, from the event after `last` on unless it has got further already. */
  start(last) {
    this.#last ??= last;
    this.#connect();
  }

  /** Come back now instead of at the end of the wait. */
  hurry() {
    if (this.#timer) this.#connect();
  }

  stop() {
    clearTimeout(this.#timer);
    this.#timer = 0;
    this.#source?.close();
    this.#source = null;
  }

  #connect() {
    this.stop();
    const url = new URL("v1/events", document.baseURI);
    if (this.#last) url.searchParams.set("last_event_id", this.#last);
    const source = new EventSource(url);
    this.#source = source;
    source.onopen = () => {
      this.#wait = FIRST_WAIT;
      this.#handlers.open();
    };
    source.onerror = () => this.#again();
    for (const type of TYPES) {
      source.addEventListener(type, (message) => {
        this.#keep(message);
        this.#handlers.event(JSON.parse(message.data), sequence(message.lastEventId));
      });
    }
    source.addEventListener("gap", (message) => {
      this.#keep(message);
      this.#handlers.gap(JSON.parse(message.data).reason);
    });
    // The key or the session is over: coming back would only be refused.
    source.addEventListener("ended", (message) => {
      this.stop();
      this.#handlers.ended(JSON.parse(message.data).reason);
    });
  }

  #keep(message) {
    if (message.lastEventId) this.#last = message.lastEventId;
  }

  #again() {
    this.stop();
    // Jitter, so that a restarted service does not meet every reader in the same moment.
    this.#timer = setTimeout(() => this.#connect(), this.#wait * (0.5 + Math.random()));
    this.#wait = Math.min(LONGEST_WAIT, this.#wait * 2);
    this.#handlers.lost();
  }
}

/** The place in the stream that an id `<epoch>-<sequence>` names. */
function sequence(id) {
  return Number(id.slice(id.lastIndexOf("-") + 1));
}
