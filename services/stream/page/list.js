// The list of recordings: what is known of them, in order, drawn at most once a frame.

import { read } from "./api.js";
import { byChannel, byTime } from "./layout.js";
import { Recordings } from "./recordings.js";
import { groupView, Row } from "./row.js";
import { count, part } from "./text.js";
import { Virtual } from "./virtual.js";

/**
 * @typedef {import("./layout.js").Item} Item
 * @typedef {import("./types.js").Recording} Recording
 * @typedef {import("./types.js").EchoEvent} EchoEvent
 * @typedef {import("./types.js").Found} Found
 */

export class List {
  #player;
  #handlers;
  #recordings = new Recordings();
  /** @type {Map<string, Row>} */
  #rows = new Map();
  /** @type {Set<string>} */
  #open = new Set();
  /** @type {"channel" | "time"} */
  #by = "channel";
  /** @type {readonly Item[]} */
  #items = [];
  #arranged = true;
  #chosen = "";
  #virtual;
  #empty = part("empty");

  /**
   * @param {import("./player.js").Player} player
   * @param {{gone: (recording: Recording) => void, end: () => void}} handlers `end`: the end is in
   *   view
   */
  constructor(player, handlers) {
    this.#player = player;
    this.#handlers = handlers;
    this.#virtual = new Virtual(part("recordings"), (item) => this.#view(item));
    player.watch(({ id, playing, second }) => {
      for (const [each, row] of this.#rows) {
        row.showPlaying(playing && each === id, playing && each === id ? second : -1);
      }
    });
    addEventListener("scroll", () => this.#watchEnd(), { passive: true });
  }

  get recordings() {
    return this.#recordings;
  }

  /**
   * Begin again, with nothing.
   * @param {boolean} open whether events bring recordings that were not there
   */
  clear(open = true) {
    this.#recordings = new Recordings(open);
    this.#arrange();
  }

  /** @param {"channel" | "time"} by */
  set by(by) {
    if (this.#by === by) return;
    this.#by = by;
    part("recordings").dataset.by = by;
    this.#arrange();
  }

  /** @param {string} id of the recording that is open; empty if none is */
  set chosen(id) {
    const before = this.#chosen;
    this.#chosen = id;
    for (const each of [before, id]) this.#virtual.touch(each);
  }

  /**
   * Take in one event, and say what it was about.
   * @param {EchoEvent} event
   */
  apply(event) {
    const change = this.#recordings.apply(event);
    this.#show(change);
    return change;
  }

  /**
   * Take in what the history lists.
   * @param {Found[]} found
   */
  take(found) {
    for (const each of found) this.#show(this.#recordings.take(each));
    if (!found.length) this.#arrange();
  }

  /** @param {Recording} recording */
  redraw(recording) {
    this.#virtual.touch(recording.id);
  }

  /**
   * Move the focus by so many recordings; to the first one if none has it.
   * @param {number} by
   */
  move(by) {
    const focused = document.activeElement?.closest(".row")?.id.replace("recording-", "");
    const rows = this.#items.filter(({ kind }) => kind === "row");
    const now = rows.findIndex(({ key }) => key === focused);
    const next = rows[now < 0 ? 0 : Math.max(0, Math.min(rows.length - 1, now + by))];
    if (next) this.focus(next.key);
  }

  /**
   * Bring a recording into view, with the focus on it. Whether it is in the list.
   * @param {string} id
   */
  focus(id) {
    const element = this.#virtual.reveal(id);
    const open = /** @type {HTMLElement | null | undefined} */ (element?.querySelector(".open"));
    open?.focus({ preventScroll: true });
    return Boolean(open);
  }

  /** The recording that has the focus, if one has. */
  get focused() {
    const row = document.activeElement?.closest(".row");
    return row ? row.id.replace("recording-", "") : "";
  }

  /** @param {import("./recordings.js").Change} change */
  #show({ recording, added, gone }) {
    for (const old of gone) {
      this.#player.forget(old.id);
      this.#handlers.gone(old);
    }
    if (recording && !added) this.#virtual.touch(recording.id);
    if (recording?.stale) this.#reread(recording);
    if (added || gone.length) this.#arrange();
  }

  /** @param {Recording} recording */
  async #reread(recording) {
    const { id, version } = recording;
    const query = new URLSearchParams({ version: String(version) });
    const found = await read(`v1/recordings/${id}/transcript.json`, query).catch(() => null);
    if (!found || recording.version !== version) return;
    Object.assign(recording, { segments: found.segments, base: null, stale: false });
    this.#virtual.touch(id);
  }

  #arrange() {
    if (!this.#arranged) return;
    this.#arranged = false;
    const draw = () => {
      this.#arranged = true;
      const { order } = this.#recordings;
      this.#items = this.#by === "time" ? byTime(order) : byChannel(order, this.#open);
      this.#empty.hidden = order.length > 0;
      this.#virtual.set(this.#items);
      this.#watchEnd();
    };
    if (document.hidden) setTimeout(draw);
    else requestAnimationFrame(draw);
  }

  #watchEnd() {
    if (this.#virtual.atEnd) this.#handlers.end();
  }

  /**
   * @param {Item} item
   * @returns {import("./virtual.js").View}
   */
  #view(item) {
    if (item.kind !== "row") return this.#groupView(item);
    const row = new Row(item.recording, this.#player);
    this.#rows.set(item.key, row);
    const { id, playing, second } = this.#player.now;
    row.showPlaying(playing && id === item.key, playing && id === item.key ? second : -1);
    return {
      element: row.element,
      draw: (now, at, of) => {
        if (now.kind === "row") row.draw(now.recording, at, of, now.key === this.#chosen);
      },
      leave: () => this.#rows.delete(item.key),
    };
  }

  /**
   * @param {import("./layout.js").GroupItem} made
   * @returns {import("./virtual.js").View}
   */
  #groupView(made) {
    const element = groupView(made, (key) => {
      if (!this.#open.delete(key)) this.#open.add(key);
      this.#arrange();
    });
    const place = /** @type {HTMLElement} */ (element.querySelector(".number, button"));
    return {
      element,
      draw: (item) => {
        if (item.kind === "row") return;
        const { rows, open } = item.group;
        if (item.kind === "heading") place.textContent = count(rows.length, "call");
        else place.textContent = open ? "Show the newest only" : `Show all ${rows.length}`;
        place.ariaExpanded = item.kind === "more" ? String(open) : null;
      },
    };
  }
}
