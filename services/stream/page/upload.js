// Recordings that are dropped or chosen go to ingest, with progress.

import { element, part } from "./text.js";

/**
 * @typedef {object} Entry What is shown of one upload.
 * @property {(done: number) => void} progress 0 to 1
 * @property {(seconds: number) => void} wait it came too soon
 * @property {(text: string, good: boolean, link?: HTMLElement) => void} end
 */

export class Uploads {
  #place = part("uploads");
  #template = /** @type {HTMLTemplateElement} */ (part("upload"));
  /** @type {{url: string, locked: boolean} | null} */
  #door = null;

  constructor() {
    const choose = /** @type {HTMLInputElement} */ (part("choose"));
    choose.addEventListener("change", () => {
      for (const file of choose.files ?? []) this.send(file);
      choose.value = "";
    });
    this.#acceptDrops(part("drop"));
  }

  /** Where recordings go, as the service says, and whether it asks for a key. */
  get door() {
    return this.#door;
  }

  set door(door) {
    this.#door = door;
  }

  /** @param {boolean} offered whether one may upload: a key may be for reading alone */
  offer(offered) {
    part("add").hidden = !offered;
  }

  /** @param {File} file */
  send(file) {
    const entry = this.#entry(file.name);
    if (this.#door) this.#post(file, entry);
    else entry.end("not sent: the service is not reachable yet", false);
  }

  /**
   * @param {File} file
   * @param {Entry} entry
   */
  #post(file, entry) {
    if (!this.#door) return;
    const form = new FormData();
    form.append("file", file, file.name);
    const request = new XMLHttpRequest();
    request.open("POST", this.#door.url);
    request.withCredentials = this.#door.locked;
    request.upload.onprogress = (event) => entry.progress(event.loaded / event.total);
    request.onload = () => {
      if (request.status === 429) {
        // A call that is given up now would be lost.
        const seconds = Number(request.getResponseHeader("Retry-After")) || 5;
        entry.wait(seconds);
        setTimeout(() => this.#post(file, entry), seconds * 1000);
      } else {
        entry.end(...outcome(request));
      }
    };
    request.onerror = () => entry.end("not sent: ingest does not answer", false);
    request.send(form);
  }

  /**
   * @param {string} name
   * @returns {Entry}
   */
  #entry(name) {
    const copy = /** @type {DocumentFragment} */ (this.#template.content.cloneNode(true));
    const found = (/** @type {string} */ of) => /** @type {HTMLElement} */ (copy.querySelector(of));
    const [made, said, dismiss] = [found(".upload"), found(".outcome"), found(".dismiss")];
    const bar = /** @type {HTMLProgressElement} */ (found("progress"));
    found(".name").textContent = name;
    bar.ariaLabel = `Upload of ${name}`;
    const leave = () => {
      made.remove();
      this.#place.hidden = !this.#place.childElementCount;
    };
    dismiss.addEventListener("click", leave);
    this.#place.prepend(made);
    this.#place.hidden = false;
    return {
      progress(done) {
        bar.value = done;
        said.textContent = done < 1 ? `${Math.round(done * 100)} %` : "checking";
      },
      wait(seconds) {
        said.textContent = `waiting its turn, ${seconds} s`;
      },
      end(text, good, link) {
        bar.value = good ? 1 : bar.value;
        made.dataset.good = String(good);
        said.replaceChildren(link ?? text);
        if (good) setTimeout(leave, 8000);
      },
    };
  }

  /** @param {HTMLElement} curtain shown while something is held over the page */
  #acceptDrops(curtain) {
    const carriesFiles = (/** @type {DragEvent} */ event) => event.dataTransfer?.types.includes("Files");
    addEventListener("dragenter", (event) => {
      if (carriesFiles(event)) curtain.hidden = false;
    });
    addEventListener("dragover", (event) => {
      if (carriesFiles(event)) event.preventDefault();
    });
    addEventListener("dragleave", (event) => {
      if (!event.relatedTarget) curtain.hidden = true;
    });
    addEventListener("drop", (event) => {
      curtain.hidden = true;
      if (!carriesFiles(event)) return;
      event.preventDefault();
      for (const file of event.dataTransfer?.files ?? []) this.send(file);
    });
  }
}

/**
 * What to say of an answer: the text, whether it is good, and a link to the recording.
 * @param {XMLHttpRequest} request
 * @returns {[string, boolean, HTMLElement?]}
 */
function outcome(request) {
  const body = parsed(request.responseText);
  if (request.status === 202 && body.id) {
    const text = body.status === "known" ? "known already" : "accepted";
    const link = element("a", "", text);
    link.href = `?recording=${body.id}`;
    return [text, true, link];
  }
  const reason = body.detail ?? body.title ?? `refused with status ${request.status}`;
  return [adds(reason, body.limit) ? `${reason} (${body.limit})` : reason, false];
}

/**
 * Whether a limit says more than the reason has said.
 * @param {string} reason
 * @param {string | undefined} limit
 */
function adds(reason, limit) {
  return limit !== undefined && limit !== "" && !reason.includes(limit);
}

/** @param {string} text */
function parsed(text) {
  try {
    return JSON.parse(text) ?? {};
  } catch {
    return {};
  }
}
