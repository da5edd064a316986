// A long list of which only what is in view is in the document.

/** @typedef {import("./layout.js").Item} Item */

/**
 * @typedef {object} View What shows one item.
 * @property {HTMLElement} element
 * @property {(item: Item, at: number, of: number) => void} draw brings it up to what is known
 * @property {() => void} [leave] it goes out of view
 */

const BEYOND = 500; // pixels that are drawn above and below the view
const GUESS = 48; // pixels of an item, before any was measured

export class Virtual {
  #place;
  #make;
  /** @type {readonly Item[]} */
  #items = [];
  /** @type {Map<string, number>} */
  #at = new Map();
  /** Where each item begins, and after the last one where they end. */
  #tops = new Float64Array(1);
  /** @type {Map<string, number>} */
  #heights = new Map();
  /** @type {Map<string, View>} */
  #views = new Map();
  /** @type {Set<string>} */
  #stale = new Set();
  #asked = false;
  #dirty = true;
  #width = 0;

  /**
   * @param {HTMLElement} place
   * @param {(item: Item) => View} make
   */
  constructor(place, make) {
    this.#place = place;
    this.#make = make;
    addEventListener("scroll", () => this.#ask(), { passive: true });
    new ResizeObserver(() => this.#resized()).observe(place);
  }

  /** The keys of the items that are in the document. */
  get drawn() {
    return [...this.#views.keys()];
  }

  /** Whether the end of the list is in view, or nearly. */
  get atEnd() {
    return this.#tops[this.#items.length] - this.#viewTop() < 3 * innerHeight;
  }

  /**
   * Show these items from the next frame on; whoever reads in the middle stays where they are.
   * @param {readonly Item[]} items
   */
  set(items) {
    const before = this.#anchor();
    this.#items = items;
    this.#dirty = true;
    this.#at = new Map(items.map((item, at) => [item.key, at]));
    for (const key of this.#heights.keys()) if (!this.#at.has(key)) this.#heights.delete(key);
    for (const key of this.#views.keys()) this.#stale.add(key);
    this.#draw(before);
  }

  /**
   * What an item shows has changed.
   * @param {string} key
   */
  touch(key) {
    if (!this.#views.has(key)) {
      this.#dirty = this.#heights.delete(key) || this.#dirty;
      return;
    }
    this.#stale.add(key);
    this.#ask();
  }

  /**
   * Bring an item into view, and give back its element.
   * @param {string} key
   */
  reveal(key) {
    const at = this.#at.get(key);
    if (at === undefined) return null;
    const [above, below] = this.#hidden(at);
    if (above > 0) scrollBy(0, -above);
    else if (below > 0) scrollBy(0, below);
    this.#draw(null);
    return this.#views.get(key)?.element ?? null;
  }

  /** By how much an item sticks out of the view, above and below. @param {number} at */
  #hidden(at) {
    const top = this.#place.getBoundingClientRect().top;
    const cover = coverHeight() + 8;
    return [
      cover - (top + this.#tops[at]),
      top + this.#tops[at + 1] - innerHeight + 8,
    ];
  }

  #ask() {
    if (this.#asked) return;
    this.#asked = true;
    // A hidden tab gets no frames, and must be up to date when it is looked at.
    if (document.hidden) setTimeout(() => this.#frame());
    else requestAnimationFrame(() => this.#frame());
  }

  #frame() {
    this.#asked = false;
    this.#draw(this.#stale.size ? this.#anchor() : null);
  }

  #resized() {
    const width = this.#place.clientWidth;
    if (width === this.#width) return;
    this.#width = width;
    this.#heights.clear();
    this.#dirty = true;
    for (const key of this.#views.keys()) this.#stale.add(key);
    this.#ask();
  }

  #viewTop() {
    return coverHeight() - this.#place.getBoundingClientRect().top;
  }

  /** The item at the top of the view, unless the list's own beginning is in view. */
  #anchor() {
    const top = this.#viewTop();
    if (top <= 2 || !this.#items.length) return null;
    const at = this.#find(top);
    return { keys: this.#items.slice(at, at + 50).map(({ key }) => key), tops: this.#tops.slice(at, at + 50) };
  }

  /** @param {{keys: string[], tops: Float64Array} | null} before */
  #draw(before) {
    this.#arrange();
    // Again, since what is drawn may turn out smaller than it was thought to be.
    for (let round = 0; round < 3; round += 1) {
      this.#show();
      if (!this.#measure()) break;
      this.#arrange();
    }
    this.#put();
    this.#keep(before);
  }

  /** Where each item begins, by what is known of their heights. */
  #arrange() {
    if (!this.#dirty) return;
    this.#dirty = false;
    const guess = this.#guess();
    this.#tops = new Float64Array(this.#items.length + 1);
    this.#items.forEach(({ key }, at) => {
      this.#tops[at + 1] = this.#tops[at] + (this.#heights.get(key) ?? guess);
    });
  }

  #guess() {
    if (!this.#heights.size) return GUESS;
    let [sum, number] = [0, 0];
    for (const height of this.#heights.values()) {
      sum += height;
      if ((number += 1) === 200) break;
    }
    return sum / number;
  }

  /** Make what comes into view, and take away what leaves it. */
  #show() {
    const top = this.#viewTop();
    const wanted = new Set();
    const last = this.#find(top + innerHeight + BEYOND);
    for (let at = this.#find(top - BEYOND); at <= last && at < this.#items.length; at += 1) {
      wanted.add(at);
    }
    // Focus must not fall into nothing.
    const focused = this.#focused();
    if (focused !== undefined) wanted.add(focused);
    const keys = new Set([...wanted].map((at) => this.#items[at].key));
    for (const [key, view] of this.#views) {
      if (keys.has(key)) continue;
      view.leave?.();
      view.element.remove();
      this.#views.delete(key);
      this.#stale.delete(key);
    }
    let next = this.#place.firstElementChild;
    for (const at of [...wanted].sort((a, b) => a - b)) {
      const { element } = this.#view(at);
      if (element === next) next = element.nextElementSibling;
      else this.#place.insertBefore(element, next);
    }
  }

  /** @param {number} at */
  #view(at) {
    const item = this.#items[at];
    let view = this.#views.get(item.key);
    if (!view) {
      view = this.#make(item);
      view.element.dataset.key = item.key;
      this.#views.set(item.key, view);
      this.#stale.add(item.key);
    }
    if (this.#stale.has(item.key)) view.draw(item, at, this.#items.length);
    return view;
  }

  #focused() {
    const focus = document.activeElement?.closest("[data-key]");
    if (!(focus instanceof HTMLElement) || !this.#place.contains(focus)) return undefined;
    return this.#at.get(focus.dataset.key ?? "");
  }

  /** Whether something has another height than was thought. */
  #measure() {
    for (const key of this.#stale) {
      const height = this.#views.get(key)?.element.offsetHeight;
      if (height === undefined || height === this.#heights.get(key)) continue;
      this.#heights.set(key, height);
      this.#dirty = true;
    }
    this.#stale.clear();
    return this.#dirty;
  }

  #put() {
    for (const [key, { element }] of this.#views) {
      const top = `translateY(${this.#tops[/** @type {number} */ (this.#at.get(key))]}px)`;
      if (element.style.transform !== top) element.style.transform = top;
    }
    const height = `${this.#tops[this.#items.length]}px`;
    if (this.#place.style.height !== height) this.#place.style.height = height;
  }

  /**
   * Whoever reads further down goes on reading there, whatever comes above.
   * @param {{keys: string[], tops: Float64Array} | null} before
   */
  #keep(before) {
    const found = before?.keys.findIndex((key) => this.#at.has(key)) ?? -1;
    if (!before || found < 0) return;
    const at = /** @type {number} */ (this.#at.get(before.keys[found]));
    const moved = this.#tops[at] - before.tops[found];
    if (moved) {
      scrollBy({ top: moved, behavior: "instant" });
      this.#ask();
    }
  }

  /** The item that covers a height; the nearest one beyond the ends. @param {number} y */
  #find(y) {
    let [low, high] = [0, Math.max(0, this.#items.length - 1)];
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (this.#tops[middle] <= y) low = middle;
      else high = middle - 1;
    }
    return low;
  }
}

/** The height of what stays at the top of the window. */
function coverHeight() {
  const heights = [".top", ".bar"].map((name) => document.querySelector(name)?.clientHeight ?? 0);
  return heights[0] || heights[1];
}
