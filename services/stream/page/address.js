// What the page shows, as its address says it: a link or a reload shows the same again.

/** @typedef {import("./types.js").Filter} Filter */

/**
 * @typedef {object} Shown
 * @property {Filter[]} filters every channel if there is none
 * @property {string} q what is searched for
 * @property {boolean} review only what somebody should listen to
 * @property {string} since of a search; a date and time as <input type=datetime-local> has it
 * @property {string} until likewise
 * @property {"channel" | "time"} by
 * @property {string} recording the one that is open; empty if none is
 * @property {number} version of it; 0 is the one that is shown in the list
 */

/**
 * The filters are those of `GET /v1/events`: `source`, `channel`, and `filter` for each one more.
 * @param {string} search the query of an address
 * @returns {Shown}
 */
export function parse(search) {
  const query = new URLSearchParams(search);
  const filters = conjunctions(query);
  for (const value of query.getAll("filter")) filters.push(...conjunctions(new URLSearchParams(value)));
  return {
    filters,
    q: query.get("q") ?? "",
    review: query.get("review") === "true",
    since: query.get("since") ?? "",
    until: query.get("until") ?? "",
    by: query.get("by") === "time" ? "time" : "channel",
    recording: /^[0-9a-f]{32}$/.test(query.get("recording") ?? "") ? query.get("recording") ?? "" : "",
    version: Number(query.get("version")) || 0,
  };
}

/**
 * The query of an address that shows it.
 * @param {Shown} shown
 */
export function format(shown) {
  const query = new URLSearchParams();
  for (const filter of shown.filters) query.append("filter", String(pairs(filter)));
  if (shown.q) query.set("q", shown.q);
  if (shown.review) query.set("review", "true");
  if (shown.since) query.set("since", shown.since);
  if (shown.until) query.set("until", shown.until);
  if (shown.by === "time") query.set("by", "time");
  if (shown.recording) query.set("recording", shown.recording);
  if (shown.recording && shown.version) query.set("version", String(shown.version));
  const text = String(query);
  return text ? `?${text}` : "";
}

/**
 * The query of `GET /v1/events` for filters.
 * @param {Filter[]} filters
 */
export function eventsQuery(filters) {
  return new URLSearchParams(filters.map((filter) => ["filter", String(pairs(filter))]));
}

/**
 * The query of `GET /v1/recordings` for filters: it may find more than they want.
 * @param {Filter[]} filters
 */
export function listQuery(filters) {
  const query = new URLSearchParams();
  for (const name of /** @type {const} */ (["source", "channel"])) {
    const names = new Set(filters.map((filter) => filter[name]));
    if (!names.has("")) for (const each of names) query.append(name, each);
  }
  return query;
}

/**
 * Whether filters want what is of a channel.
 * @param {Filter[]} filters
 * @param {{source: string, channel: string}} of
 */
export function wants(filters, of) {
  return !filters.length || filters.some(
    (filter) => fits(filter.source, of.source) && fits(filter.channel, of.channel),
  );
}

/**
 * @param {string} pattern
 * @param {string} name
 */
function fits(pattern, name) {
  if (!pattern || pattern === name) return true;
  if (!pattern.includes("*")) return false;
  const escaped = pattern.split("*").map((text) => text.replace(/[\\^$.|?+()[\]{}]/g, "\\$&"));
  return new RegExp(`^${escaped.join(".*")}$`, "s").test(name);
}

/** @param {Filter} filter */
function pairs(filter) {
  const query = new URLSearchParams();
  if (filter.source) query.set("source", filter.source);
  if (filter.channel) query.set("channel", filter.channel);
  return query;
}

/** @param {URLSearchParams} query */
function conjunctions(query) {
  const sources = query.getAll("source").filter(Boolean);
  const channels = query.getAll("channel").filter(Boolean);
  if (!sources.length && !channels.length) return [];
  return (sources.length ? sources : [""]).flatMap((source) =>
    (channels.length ? channels : [""]).map((channel) => ({ source, channel })));
}
