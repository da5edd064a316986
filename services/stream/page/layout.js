// In which order the list shows recordings, and under which headings. Pure.

/** @typedef {import("./types.js").Recording} Recording */

/**
 * @typedef {object} Group
 * @property {string} key
 * @property {Recording[]} rows
 * @property {boolean} open whether all of them are shown
 *
 * @typedef {{key: string, kind: "row", recording: Recording}} RowItem
 * @typedef {{key: string, kind: "heading" | "more", group: Group}} GroupItem
 * @typedef {RowItem | GroupItem} Item
 */

/** Recordings of a channel that are shown before somebody asks for more. */
export const FEW = 5;

/**
 * One after the other.
 * @param {readonly Recording[]} order the newest first
 * @returns {Item[]}
 */
export function byTime(order) {
  return order.map(rowItem);
}

/**
 * Under headings: the channel that had a call last is first, and has its newest calls first.
 * @param {readonly Recording[]} order the newest first
 * @param {ReadonlySet<string>} open keys of the groups that are shown whole
 * @returns {Item[]}
 */
export function byChannel(order, open) {
  /** @type {Map<string, Group>} */
  const groups = new Map();
  for (const recording of order) {
    const key = groupKey(recording);
    let group = groups.get(key);
    if (!group) {
      group = { key, rows: [], open: open.has(key) };
      groups.set(key, group);
    }
    group.rows.push(recording);
  }
  return [...groups.values()].flatMap(items);
}

/** @param {{source: string, channel: string}} of */
export function groupKey(of) {
  return JSON.stringify([of.source, of.channel]);
}

/**
 * @param {Group} group
 * @returns {Item[]}
 */
function items(group) {
  const { key, rows } = group;
  const shown = group.open ? rows : rows.slice(0, FEW);
  /** @type {Item[]} */
  const found = [{ key: `heading ${key}`, kind: "heading", group }, ...shown.map(rowItem)];
  if (rows.length > FEW) found.push({ key: `more ${key}`, kind: "more", group });
  return found;
}

/**
 * @param {Recording} recording
 * @returns {RowItem}
 */
function rowItem(recording) {
  return { key: recording.id, kind: "row", recording };
}
