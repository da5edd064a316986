// The page: what its address asks for, what it is told, and what it shows.

import { format, parse } from "./address.js";
import { Alerts } from "./alerts.js";
import { Channels } from "./channels.js";
import { Feed } from "./feed.js";
import { isSearch } from "./history.js";
import { Keys } from "./keys.js";
import { List } from "./list.js";
import { Login } from "./login.js";
import { Panel } from "./panel.js";
import { Pause } from "./pause.js";
import { Player } from "./player.js";
import { SearchFields } from "./search.js";
import { Speeds } from "./speeds.js";
import { Spoken } from "./spoken.js";
import { State } from "./state.js";
import { Status } from "./status.js";
import { count, part } from "./text.js";
import { Uploads } from "./upload.js";

/** @typedef {import("./types.js").EchoEvent} EchoEvent */

let shown = parse(location.search);
/** @type {import("./types.js").SystemStatus | null} */
let known = null;

const player = new Player();
const spoken = new Spoken();
const speeds = new Speeds();
const uploads = new Uploads();
const pause = new Pause();
const state = new State();
const alerts = new Alerts();
const list = new List(player, {
  gone: (recording) => { if (panel.id === recording.id) panel.close(); },
  end: () => feed.older(),
});
const panel = new Panel(player, {
  listed: (id) => list.recordings.get(id),
  closed: () => go({ recording: "", version: 0 }),
  chosen: (version) => go({ version }),
});
const channels = new Channels((filters) => go({ filters }));
const search = new SearchFields((wanted) => go(wanted));

const feed = new Feed({
  event: (event, live) => take(event, live),
  found: (found) => list.take(found),
  problem: (text) => show("problem", text),
  gap: (reason) => show("gap", `${GAPS[reason] ?? `Events are missing: ${reason}.`} The list was read again.`),
  open: () => state.open(),
  lost: () => {
    state.lost();
    status.ask();
  },
  ended: () => location.reload(),
  locked: () => lock(),
});

const GAPS = /** @type {Record<string, string>} */ ({
  "aged-out": "Some events were too old to be kept.",
  "unknown-epoch": "The log of events was made anew.",
  "stream-reset": "The log of events was made anew.",
  "beyond-the-end": "The log of events was set back.",
});

const status = new Status(speeds, {
  known: (told) => {
    const first = !known;
    known = told;
    state.busAway = told.bus !== "connected";
    uploads.door = { url: doorOf(told.ingest), locked: told.locked };
    uploads.offer(told.scopes.includes("ingest"));
    panel.rights = told.scopes.includes("ingest");
    part("door").textContent = uploads.door.url;
    login.showLogout(told.locked);
    if (first) showAddress();
    if (first && shown.filters.length) channels.learn();
    if (!feed.started) feed.start(shown, told);
    else feed.connection.hurry();
  },
  door: () => uploads.door,
  locked: () => lock(),
  away: () => { if (!feed.started) state.lost(); },
});

// Whoever signs out leaves no words on the screen behind the dialog.
const login = new Login({ entered: () => status.ask(), left: () => location.reload() });

function lock() {
  // Whoever may no longer read keeps no words on the screen.
  if (known) location.reload();
  feed.stop();
  state.lock();
  login.ask();
}

/**
 * @param {EchoEvent} event
 * @param {boolean} live
 */
function take(event, live) {
  if (event.type === "refused") {
    if (live) show("gap", `A message of ${event.source} / ${event.channel} was refused: ${event.reason}`);
    return;
  }
  if (pause.on && event.type !== "deleted") {
    pause.hold(event, live);
    if (pause.full) feed.connection.stop();
    showPause();
    return;
  }
  if (event.type === "deleted") pause.drop(event.recording);
  const { recording } = list.apply(event);
  if (!recording) return;
  speeds.take(event, recording);
  panel.update(recording, event.type);
  if (live && event.type === "segment") {
    spoken.say(`${recording.urgent ? "Urgent, " : ""}${recording.called.channel}: ${event.text}`);
    if (alerts.look(recording)) list.redraw(recording);
  }
}

/**
 * Show something else, and let the address say so.
 * @param {Partial<typeof shown>} change
 */
function go(change) {
  const next = { ...shown, ...change };
  if (format(next) === format(shown)) return;
  history.pushState(null, "", format(next) || location.pathname);
  adopt(next);
}

/** @param {typeof shown} next */
function adopt(next) {
  const [before, now] = [shown, next].map((each) =>
    format({ ...each, recording: "", version: 0, by: "channel" }));
  shown = next;
  showAddress();
  if (before === now || !known) return;
  scrollTo({ top: 0, behavior: "instant" });
  list.clear(!isSearch(shown));
  feed.start(shown, known);
}

function showAddress() {
  // What was found stands in the order of time: it is read from the top.
  list.by = isSearch(shown) ? "time" : shown.by;
  for (const by of ["channel", "time"]) part(`by-${by}`).ariaPressed = String(shown.by === by);
  part("by").hidden = isSearch(shown);
  channels.chosen = shown.filters;
  search.show(shown);
  list.chosen = shown.recording;
  document.body.dataset.search = String(isSearch(shown));
  if (!known) return;
  if (shown.recording) panel.open(shown.recording, shown.version);
  else panel.close();
}

function togglePause() {
  if (!pause.on) pause.begin();
  else {
    for (const [event, live] of pause.end()) take(event, live);
    feed.connection.resume();
  }
  showPause();
}

function showPause() {
  const button = part("pause");
  button.ariaPressed = String(pause.on);
  const { recordings, events } = pause.waiting;
  const more = pause.full ? "at least " : "";
  show("paused", pause.on
    ? `Paused. ${more}${count(events, "event")} of ${count(recordings, "new call")} are waiting.`
    : "");
}

/**
 * Where to upload to: under the page's own name for this machine, or its cookie is not sent.
 * @param {string} ingest
 */
function doorOf(ingest) {
  const loopback = ["localhost", "127.0.0.1", "[::1]"];
  const url = new URL(`${ingest}/v1/recordings`);
  if (loopback.includes(url.hostname) && loopback.includes(location.hostname)) {
    url.hostname = location.hostname;
  }
  return url.href;
}

/**
 * @param {string} id
 * @param {string} text
 */
function show(id, text) {
  part(id).textContent = text;
  part(id).hidden = !text;
}

function listen() {
  document.addEventListener("click", (event) => {
    const target = /** @type {HTMLElement} */ (event.target);
    if (event.ctrlKey || event.metaKey || event.shiftKey || target.closest("button")) return;
    const row = target.closest(".row");
    const link = target.closest("a[href^='?recording=']");
    // Whoever selects words to copy them does not want to open anything.
    if ((!row || !getSelection()?.isCollapsed) && !link) return;
    event.preventDefault();
    const id = row?.id.replace("recording-", "") ?? parse(/** @type {HTMLAnchorElement} */ (link).search).recording;
    go({ recording: id, version: 0 });
  });
  part("by-channel").addEventListener("click", () => go({ by: "channel" }));
  part("by-time").addEventListener("click", () => go({ by: "time" }));
  part("pause").addEventListener("click", togglePause);
  addEventListener("popstate", () => adopt(parse(location.search)));
  addEventListener("online", () => status.ask());
}

new Keys([
  { keys: ["j", "ArrowDown"], does: "next call", run: () => list.move(1) },
  { keys: ["k", "ArrowUp"], does: "call before", run: () => list.move(-1) },
  { keys: ["Enter"], does: "open the call", run: () => false },
  { keys: ["l"], does: "listen, or stop", run: () => listenTo() },
  { keys: ["ArrowLeft"], does: "5 seconds back", run: () => skip(-5) },
  { keys: ["ArrowRight"], does: "5 seconds on", run: () => skip(5) },
  { keys: ["e"], does: "correct the words", run: () => panel.correct() },
  { keys: ["Escape"], does: "close the call", run: () => panel.close() },
  { keys: ["/"], does: "search", run: () => search.focus() },
  { keys: ["c"], does: "choose channels", run: () => { channels.show(); } },
  { keys: ["g"], does: "by channel, or by time", run: () => go({ by: shown.by === "time" ? "channel" : "time" }) },
  { keys: ["p"], does: "pause the list, or go on", run: togglePause },
  { keys: ["a"], does: "words to be alerted of", run: () => alerts.show() },
  { keys: ["u"], does: "add a recording", run: () => part("choose").click() },
]);

function listenTo() {
  const id = list.focused || panel.id;
  if (id) player.toggle(id);
}

/** @param {number} seconds */
function skip(seconds) {
  const { id, second } = player.now;
  if (!id) return false;
  player.seek(id, second + seconds, false);
  return true;
}

// What stands beside the list begins below what stays at the top.
new ResizeObserver(() => {
  document.documentElement.style.setProperty("--cover", `${part("top").clientHeight + 1}px`);
}).observe(part("top"));

listen();
list.clear(!isSearch(shown));
showAddress();
status.ask();
