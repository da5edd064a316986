// The page: what it is told by the event stream and by the service's status, and what it shows.

import { Connection } from "./connection.js";
import { List } from "./list.js";
import { Login } from "./login.js";
import { Player } from "./player.js";
import { Status } from "./status.js";
import { when } from "./text.js";
import { Uploads } from "./upload.js";

/** Events of the past that a freshly opened page asks for. */
const LOOK_BACK = 2000;

const LOOPBACK = ["localhost", "127.0.0.1", "[::1]"];

const GAPS = {
  "aged-out": "Some events were too old to be kept, and are missing here.",
  "unknown-epoch": "The log of events was made anew; older events are gone.",
  "stream-reset": "The log of events was made anew; older events are gone.",
  "beyond-the-end": "The log of events was set back; some events may be missing here.",
};

const list = new List(new Player());
const uploads = new Uploads();
let past = 0; // events up to this sequence were there before the page was
let busAway = false;
let lost = false;
let returned = null;

const connection = new Connection({
  event: (event, sequence) => list.apply(event, sequence > past),
  gap: (reason) => show(document.getElementById("gap"), GAPS[reason] ?? `Events are missing: ${reason}`),
  open: () => {
    if (lost) returned = new Date();
    lost = false;
    showConnection();
  },
  lost: () => {
    lost = true;
    showConnection();
    status.ask();
  },
  // Whoever may no longer read keeps no words on the screen.
  ended: () => location.reload(),
});

const status = new Status({
  known: (told) => {
    busAway = told.bus !== "connected";
    const door = doorOf(told.ingest);
    uploads.door = { url: door, locked: told.locked };
    uploads.offer(told.scopes.includes("ingest"));
    document.getElementById("door").textContent = door;
    login.showLogout(told.locked);
    if (connection.started) connection.hurry();
    else follow(told.events);
    showConnection();
  },
  locked: () => {
    connection.stop();
    setState("locked", "Signed out");
    login.ask();
  },
  away: () => {
    if (connection.started) return;
    lost = true;
    showConnection();
  },
});

// Whoever signs out leaves no words on the screen behind the dialog.
const login = new Login({ entered: () => status.ask(), left: () => location.reload() });

function follow(events) {
  // Without a known position the stream begins with what comes next; once NATS is back the next
  // answer knows more.
  if (!events) return;
  past = events.last;
  connection.start(`${events.epoch}-${Math.max(events.first - 1, events.last - LOOK_BACK, 0)}`);
}

/** Where to upload to: under the page's own name for this machine, or its cookie is not sent. */
function doorOf(ingest) {
  const url = new URL(`${ingest}/v1/recordings`);
  if (LOOPBACK.includes(url.hostname) && LOOPBACK.includes(location.hostname)) {
    url.hostname = location.hostname;
  }
  return url.href;
}

function showConnection() {
  if (lost) setState("lost", "Reconnecting");
  else if (busAway) setState("waiting", "Waiting for the message bus");
  else if (returned) setState("live", `Live, reconnected ${when(returned)}`);
  else if (connection.started) setState("live", "Live");
}

function setState(state, text) {
  document.getElementById("connection").dataset.state = state;
  const place = document.getElementById("connection-text");
  if (place.textContent !== text) place.textContent = text;
}

function show(place, text) {
  place.textContent = text;
  place.hidden = !text;
}

addEventListener("online", () => status.ask());
status.ask();
