// Recordings that are dropped or chosen go to ingest, with progress.

import { element } from "./text.js";

export class Uploads {
  #place = document.getElementById("uploads");
  #template = document.getElementById("upload");
  #door = null;

  constructor() {
    const choose = document.getElementById("choose");
    choose.addEventListener("change", () => {
      for (const file of choose.files) this.send(file);
      choose.value = "";
    });
    this.#acceptDrops(document.getElementById("drop"));
  }

  /** Where recordings go, as the service says, and whether it asks for a key. */
  set door({ url, locked }) {
    this.#door = { url, locked };
  }

  /** Whether to offer to upload: a key may be for reading alone. */
  offer(offered) {
    document.querySelector(".choose").hidden = !offered;
  }

  /** Upload one file. */
  send(file) {
    const entry = this.#entry(file.name);
    if (this.#door) this.#post(file, entry);
    else entry.end("not sent: the service is not reachable yet", false);
  }

  #post(file, entry) {
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

  #entry(name) {
    const part = this.#template.content.cloneNode(true).firstElementChild;
    const [bar, said] = [part.querySelector("progress"), part.querySelector(".outcome")];
    part.querySelector(".name").textContent = name;
    bar.setAttribute("aria-label", `Upload of ${name}`);
    const leave = () => {
      part.remove();
      this.#place.hidden = !this.#place.childElementCount;
    };
    part.querySelector(".dismiss").addEventListener("click", leave);
    this.#place.prepend(part);
    this.#place.hidden = false;
    return {
      progress(done) {
        bar.value = done;
        said.textContent = done < 1 ? `${Math.round(done * 100)} %` : "checking";
      },
      wait(seconds) {
        said.textContent = `waiting its turn, ${seconds} s`;
      },
      end(text, good, link = null) {
        bar.value = good ? 1 : bar.value;
        part.dataset.good = String(good);
        said.replaceChildren(link ?? text);
        if (good) setTimeout(leave, 8000);
      },
    };
  }

  #acceptDrops(curtain) {
    const carriesFiles = (event) => event.dataTransfer?.types.includes("Files");
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
      for (const file of event.dataTransfer.files) this.send(file);
    });
  }
}

/** What to say of an answer: the text, whether it is good, and a link to the recording. */
function outcome(request) {
  const body = parsed(request.responseText);
  if (request.status === 202 && body.id) {
    const text = body.status === "known" ? "known already" : "accepted";
    const link = element("a", "", text);
    link.href = `#recording-${body.id}`;
    return [text, true, link];
  }
  const reason = body.detail ?? body.title ?? `refused with status ${request.status}`;
  return [adds(reason, body.limit) ? `${reason} (${body.limit})` : reason, false];
}

/** Whether a limit says more than the reason has said. */
function adds(reason, limit) {
  return Boolean(limit) && !reason.includes(limit);
}

function parsed(text) {
  try {
    return JSON.parse(text) ?? {};
  } catch {
    return {};
  }
}
