"""What events do to the history: which need a look into the store, and what then changes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from sqlite3 import Connection
from typing import NamedTuple

from services.stream.history import ledger, rows
from services.stream.history.rows import Stored, Version
from shared import subjects
from shared.bus import StoredMessage
from shared.errors import BadMessage
from shared.identity import RECORDING_ID
from shared.messages import Deleted, Failed, Segment, decode, decode_event

_LAST_WORDS = ("completed", "corrected")
VersionId = tuple[str, int]


class Happened(NamedTuple):
    """An event, by its subject."""

    recording: str
    version: int
    type: str
    data: bytes


@dataclass(frozen=True)
class Needed:
    """What has to be read from the store before a batch of events can be written."""

    recordings: frozenset[str] = frozenset()
    versions: frozenset[VersionId] = frozenset()


@dataclass(frozen=True)
class Looked:
    """What the store had of that."""

    recordings: Mapping[str, Stored | None] = field(default_factory=dict[str, Stored | None])
    versions: Mapping[VersionId, Version] = field(default_factory=dict[VersionId, Version])


def read(messages: Sequence[StoredMessage]) -> list[Happened]:
    """What of the messages concerns the history."""
    return [found for message in messages if (found := _read(message)) is not None]


def needed(db: Connection, batch: Sequence[Happened]) -> Needed:
    """What the store has to be asked for."""
    recordings: set[str] = set()
    versions: set[VersionId] = set()
    for event in batch:
        if event.type == "deleted" or event.recording in recordings:
            continue
        key = ledger.key_of(db, event.recording)
        if key is None:
            recordings.add(event.recording)
            continue
        status = ledger.status_of(db, key, event.version)
        if status is None or (event.type in _LAST_WORDS and status != "completed"):
            versions.add((event.recording, event.version))
    return Needed(frozenset(recordings), frozenset(versions))


def write(db: Connection, batch: Sequence[Happened], looked: Looked) -> None:
    """Bring the history to what it is after these events."""
    pending = dict(looked.recordings)
    unknown: set[str] = set()
    for event in batch:
        if event.type == "deleted":
            _delete(db, event)
            continue
        if event.recording in unknown:
            continue
        if (stored := pending.pop(event.recording, None)) is not None:
            ledger.put(db, stored)
        key = ledger.key_of(db, event.recording)
        if key is None:  # it was erased since
            unknown.add(event.recording)
            continue
        if version := looked.versions.get((event.recording, event.version)):
            ledger.put_version(db, key, version)
        # A transcript is the last word: what came before it is told again after a walk.
        if ledger.status_of(db, key, event.version) not in (None, "completed"):
            _advance(db, key, event)


def _read(message: StoredMessage) -> Happened | None:
    try:
        found = subjects.parse_event(message.subject)
    except ValueError:
        return None
    of_version = found.version > 0 or found.type == "deleted"
    if not of_version or not RECORDING_ID.match(found.recording):
        return None
    return Happened(found.recording, found.version, found.type, message.data)


def _advance(db: Connection, key: int, event: Happened) -> None:
    match event.type:
        case "queued":
            ledger.set_status(db, key, event.version, "queued")
        case "started":
            ledger.set_status(db, key, event.version, "started")
        case "segment" | "failed":
            _say(db, key, event)
        case _:
            return


def _say(db: Connection, key: int, event: Happened) -> None:
    try:
        said = decode_event(event.data)
    except BadMessage:
        return
    if isinstance(said, Segment):
        ledger.add_segment(db, key, event.version, said.index, said.text)
    elif isinstance(said, Failed):
        ledger.set_status(db, key, event.version, "failed", said.code, said.reason)


def _delete(db: Connection, event: Happened) -> None:
    try:
        said = decode(event.data, Deleted)
    except BadMessage:
        return
    time = rows.microseconds(said.time)
    if said.what == "audio":
        ledger.set_audio_deleted(db, event.recording, time)
    else:
        ledger.forget(db, event.recording, sent_by=time)
