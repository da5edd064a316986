// What is known of a recording besides its words: versions, formats, and what was said of it.

import { address } from "./api.js";
import { called } from "./names.js";
import { element, length, offset, part, when } from "./text.js";

/**
 * @typedef {import("./types.js").Recording} Recording
 * @typedef {import("./types.js").Version} Version
 * @typedef {{recording: any, versions: Version[]}} View
 */

const FORMATS = ["txt", "srt", "vtt", "tsv", "json"];

export class Facts {
  #versions = /** @type {HTMLSelectElement} */ (part("recording-version"));
  #beside = /** @type {HTMLSelectElement} */ (part("recording-beside"));
  /** @type {Version[]} */
  #known = [];
  #shown = 0;

  /**
   * @param {(version: number) => void} choose
   * @param {() => void} compare
   */
  constructor(choose, compare) {
    this.#versions.addEventListener("change", () => choose(Number(this.#versions.value)));
    this.#beside.addEventListener("change", compare);
  }

  /** The version that is to stand beside; 0 for none. */
  get beside() {
    return Number(this.#beside.value);
  }

  /** Whether the version that is shown is a model's. */
  get doubted() {
    return this.#known.find(({ version }) => version === this.#shown)?.kind !== "correction";
  }

  /** @param {number} number */
  name(number) {
    const version = this.#known.find((each) => each.version === number);
    return version ? nameOf(version) : `Version ${number}`;
  }

  /** Begin with what the list knows. @param {Recording | undefined} listed */
  clear(listed) {
    this.#known = [];
    this.#heading(listed?.called ?? { source: "", channel: "Recording" });
    part("recording-when").textContent = listed ? when(listed.time) : "";
    part("recording-of").textContent = offset(listed?.duration ?? 0);
    part("recording-at").textContent = offset(0);
    part("recording-facts").replaceChildren();
    part("recording-formats").replaceChildren();
    part("recording-versions").hidden = true;
    this.#beside.replaceChildren();
  }

  /**
   * @param {View} view
   * @param {Version | undefined} version that is shown
   */
  show({ recording, versions }, version) {
    this.#known = versions;
    this.#shown = version?.version ?? 0;
    this.#heading(called(recording));
    part("recording-when").textContent = when(new Date(recording.start ?? recording.received));
    part("recording-of").textContent = offset(recording.duration);
    this.#showVersions();
    this.#showFormats(recording, version);
    part("recording-facts").replaceChildren(...facts(recording, version).flatMap(([term, text]) =>
      [element("dt", "", term), element("dd", "", text)]));
  }

  #showVersions() {
    const options = [...this.#known].reverse().map((version) => option(version.version, nameOf(version)));
    this.#versions.replaceChildren(...options);
    this.#versions.value = String(this.#shown);
    const { beside } = this;
    const others = this.#known.filter(({ version, status }) =>
      version !== this.#shown && status === "completed").reverse();
    this.#beside.replaceChildren(
      option(0, "nothing"), ...others.map((version) => option(version.version, nameOf(version))),
    );
    this.#beside.value = String(others.some(({ version }) => version === beside) ? beside : 0);
    part("recording-versions").hidden = this.#known.length < 2;
  }

  /**
   * @param {{id: string}} recording
   * @param {Version | undefined} version
   */
  #showFormats({ id }, version) {
    const links = version?.status !== "completed" ? [] : FORMATS.map((format) => {
      const query = new URLSearchParams({ version: String(version.version) });
      return link(format, address(`v1/recordings/${id}/transcript.${format}`, query), `Transcript as ${format}`);
    });
    links.push(link("audio", address(`v1/recordings/${id}/audio`), "The audio"));
    part("recording-formats").replaceChildren(...links);
  }

  /** @param {import("./names.js").Called} names */
  #heading({ source, channel }) {
    part("recording-channel").textContent = channel;
    part("recording-source").textContent = source;
  }
}

/** @param {Version} version */
function nameOf({ version, kind, status, request }) {
  if (kind === "correction") return `${version}: corrected${request?.correction?.by ? ` by ${request.correction.by}` : ""}`;
  const model = request?.options?.model ?? "";
  return [`${version}: transcribed`, model && `by ${model}`, status === "completed" ? "" : `(${status})`]
    .filter(Boolean).join(" ");
}

/**
 * @param {number} value
 * @param {string} text
 */
function option(value, text) {
  const made = element("option", "", text);
  made.value = String(value);
  return made;
}

/**
 * @param {string} text
 * @param {URL} url
 * @param {string} name
 */
function link(text, url, name) {
  const made = element("a", "", text);
  made.href = url.href;
  made.download = "";
  made.ariaLabel = name;
  return made;
}

/**
 * What a recorder said of a call, as people write it.
 * @param {string} name
 * @param {unknown} value
 * @returns {[string, unknown]}
 */
function said(name, value) {
  const words = name.replaceAll("_", " ");
  const term = words.charAt(0).toUpperCase() + words.slice(1);
  if (name === "frequency" && typeof value === "number") return [term, `${(value / 1e6).toFixed(4)} MHz`];
  return [term, typeof value === "object" ? JSON.stringify(value) : value];
}

/**
 * @param {any} recording
 * @param {Version | undefined} version
 * @returns {[string, string][]}
 */
function facts(recording, version) {
  /** @type {[string, unknown][]} */
  const found = [
    ["Length", length(recording.duration)],
    ["Received", when(new Date(recording.received))],
    ["Lane", version?.request && "lane" in version.request ? version.request.lane : ""],
    ["File", recording.filename],
    ["Format", [recording.container, recording.codec].filter(Boolean).join(", ")],
    ...Object.entries(recording.metadata ?? {}).map(([name, value]) => said(name, value)),
    ["Id", recording.id],
  ];
  return found.filter(([, value]) => value !== undefined && value !== null && value !== "")
    .map(([term, value]) => [term, String(value)]);
}

