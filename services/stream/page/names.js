// What people call a source and a channel: the one place that knows how recorders say it.

/**
 * @typedef {object} Called
 * @property {string} source
 * @property {string} channel
 */

/**
 * The names to show: those of the metadata, else those by which it was sent.
 * @param {{source: string, channel: string, metadata?: Record<string, unknown>}} of
 * @returns {Called}
 */
export function called({ source, channel, metadata }) {
  return {
    source: text(metadata?.system_label) || source,
    channel: text(metadata?.talkgroup_label) || channel,
  };
}

/** @param {unknown} value */
function text(value) {
  return typeof value === "string" ? value.trim() : "";
}
