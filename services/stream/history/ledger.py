"""What is written into the history: recordings, versions, events, deletions.

Every function belongs into a transaction of `HistoryFile.write`.
"""

from dataclasses import asdict, dataclass
from sqlite3 import Connection
from typing import Any, Literal

import msgspec

from services.stream.found import Status
from services.stream.history import rows
from services.stream.history.rows import Stored, Version
from shared.messages import Correction

_VERSION = (
    "number, status, correction, prompt, model, language, segments, confidence, created, code,"
    " reason, text"
)
Walk = Literal["first", "again", "done"]
"""Whether the store is to be listed: for the first time, or again since events were missed."""


@dataclass(frozen=True)
class Place:
    """How far the history is."""

    walk: Walk = "first"
    epoch: str = ""
    """Of EVENTS; empty as long as none of it was read."""
    sequence: int = 0
    whole: bool = False
    """Whether EVENTS was read to its end once since the store was listed."""
    scrub: bool = False
    """Whether something that was deleted is still to be overwritten."""

    @property
    def event_id(self) -> str | None:
        """The SSE id of the latest event that the history holds."""
        return f"{self.epoch}-{self.sequence}" if self.epoch else None


def place(db: Connection) -> Place:
    """How far the history is."""
    found = dict(db.execute("SELECT name, value FROM meta"))
    return msgspec.convert(found, Place, strict=False)


def set_place(db: Connection, now: Place) -> None:
    """Say how far it is."""
    db.executemany("INSERT OR REPLACE INTO meta (name, value) VALUES (?, ?)", asdict(now).items())


def scrubbed(db: Connection) -> None:
    """What was deleted is overwritten."""
    db.execute("UPDATE meta SET value = 0 WHERE name = 'scrub'")


def key_of(db: Connection, recording: str) -> int | None:
    """A recording's key; None if it is not known."""
    found = db.execute("SELECT key FROM recordings WHERE id = ?", (recording,)).fetchone()
    return found and found[0]


def put(db: Connection, stored: Stored) -> None:
    """Have a recording as the store has it: what only events know of it is forgotten."""
    known = db.execute(
        "SELECT key, received FROM recordings WHERE id = ?", (stored.recording.id,)
    ).fetchone()
    if known is None:
        key = _insert(db, stored)
    else:
        key = known[0]
        if rows.microseconds(stored.recording.received) != known[1]:
            # It was erased and sent anew, at another time.
            forget(db, stored.recording.id)
            key = _insert(db, stored)
    db.execute("DELETE FROM segments WHERE key = ?", (key,))
    db.execute("DELETE FROM versions WHERE key = ?", (key,))
    for version in stored.versions.values():
        _put(db, key, version)
    deleted = stored.audio_deleted
    db.execute(
        "UPDATE recordings SET audio_deleted = ? WHERE key = ?",
        (deleted and rows.microseconds(deleted), key),
    )
    db.execute("UPDATE bodies SET record = ? WHERE key = ?", (stored.record, key))
    summarize(db, key)


def put_version(db: Connection, key: int, version: Version) -> None:
    """Have a version as the store has it; what only events know of it stays."""
    known = status_of(db, key, version.number)
    if version.status != "completed" and known is not None:
        return
    if version.status == "completed":
        db.execute("DELETE FROM segments WHERE key = ? AND number = ?", (key, version.number))
    _put(db, key, version)
    summarize(db, key)


def status_of(db: Connection, key: int, number: int) -> Status | None:
    """How far a version is; None if it is not known."""
    found = db.execute(
        "SELECT status FROM versions WHERE key = ? AND number = ?", (key, number)
    ).fetchone()
    return found and found[0]


def set_status(
    db: Connection, key: int, number: int, status: Status, code: str = "", reason: str = ""
) -> None:
    """Say how far a version is that has no transcript."""
    db.execute(
        "UPDATE versions SET status = ?, code = ?, reason = ? WHERE key = ? AND number = ?",
        (status, code, reason, key, number),
    )
    summarize(db, key)


def add_segment(db: Connection, key: int, number: int, at: int, text: str) -> None:
    """Add what was recognised of a version that has no transcript yet."""
    db.execute(
        "INSERT OR REPLACE INTO segments (key, number, at, text) VALUES (?, ?, ?, ?)",
        (key, number, at, rows.plain(text)),
    )
    db.execute(
        "UPDATE versions SET segments = (SELECT max(at) + 1 FROM segments AS s WHERE s.key = ?1"
        " AND s.number = ?2) WHERE key = ?1 AND number = ?2",
        (key, number),
    )
    db.execute(
        "UPDATE recordings SET segments = (SELECT segments FROM versions AS v WHERE v.key = ?1"
        " AND v.number = ?2) WHERE key = ?1 AND version = ?2",
        (key, number),
    )


def set_audio_deleted(db: Connection, recording: str, time: int) -> None:
    """Mark that a recording's audio is gone since a time, in microseconds since 1970."""
    db.execute(
        "UPDATE recordings SET audio_deleted = ?1 WHERE id = ?2 AND received <= ?1",
        (time, recording),
    )


def forget(db: Connection, recording: str, sent_by: int | None = None) -> bool:
    """Delete all of a recording; whether there was something.

    `sent_by`: only if it was received by that time, in microseconds since 1970. What was deleted
    stays in the file's bytes until `HistoryFile.scrub`, which is noted.
    """
    found = db.execute(
        "SELECT key, place, received, text FROM recordings JOIN bodies USING (key) WHERE id = ?",
        (recording,),
    ).fetchone()
    if found is None or (sent_by is not None and found[2] > sent_by):
        return False
    key, where, _, text = found
    _unindex(db, key, text)
    for table in ("segments", "versions", "bodies", "recordings"):
        db.execute(f"DELETE FROM {table} WHERE key = ?", (key,))  # noqa: S608 - names of our own
    db.execute("DELETE FROM outbox WHERE recording = ?", (recording,))
    db.execute(
        "DELETE FROM places WHERE id = ?1 AND NOT EXISTS"
        " (SELECT 1 FROM recordings WHERE place = ?1)",
        (where,),
    )
    db.execute("INSERT OR REPLACE INTO meta (name, value) VALUES ('scrub', 1)")
    return True


def versions(db: Connection, key: int) -> list[Version]:
    """Every version of a recording, in order."""
    found = db.execute(f"SELECT {_VERSION} FROM versions WHERE key = ? ORDER BY number", (key,))  # noqa: S608
    return [version_of(each) for each in found]


def version_of(row: tuple[Any, ...]) -> Version:
    """A version, from the columns that `versions` reads."""
    number, status, correction, *rest = row
    made = None if correction is None else msgspec.json.decode(correction, type=Correction)
    return Version(number, status, made, *rest)


def summarize(db: Connection, key: int) -> None:
    """Bring what lists say of a recording to what its versions are, and the words to be found."""
    now = rows.summary(versions(db, key))
    db.execute(
        "UPDATE recordings SET status = ?, version = ?, versions = ?, corrected = ?,"
        " confidence = ?, language = ?, model = ?, segments = ? WHERE key = ?",
        (
            now.status,
            now.version,
            now.versions,
            int(now.corrected),
            now.confidence,
            now.language,
            now.model,
            now.segments,
            key,
        ),
    )
    [before] = db.execute("SELECT text FROM bodies WHERE key = ?", (key,)).fetchone()
    if before != now.text:
        _unindex(db, key, before)
        db.execute("UPDATE bodies SET text = ? WHERE key = ?", (now.text, key))
        _index(db, key, now.text)


def note_correction(db: Connection, recording: str, version: int) -> None:
    """Remember that EVENTS may not know of a correction."""
    db.execute("INSERT OR IGNORE INTO outbox VALUES (?, ?)", (recording, version))


def drop_correction(db: Connection, recording: str, version: int) -> None:
    """EVENTS knows of it, or it came to nothing."""
    db.execute("DELETE FROM outbox WHERE recording = ? AND version = ?", (recording, version))


def noted_corrections(db: Connection) -> list[tuple[str, int]]:
    """Those that are remembered."""
    return list(db.execute("SELECT recording, version FROM outbox"))


def ids_between(db: Connection, after: str, last: str | None) -> set[str]:
    """Ids of the recordings after one and up to another, or to the end."""
    found = db.execute(
        "SELECT id FROM recordings WHERE id > ?1 AND (?2 IS NULL OR id <= ?2)", (after, last)
    )
    return {id for (id,) in found}


def _insert(db: Connection, stored: Stored) -> int:
    recording = stored.recording
    key = rows.wished_key(recording)
    while db.execute("SELECT 1 FROM recordings WHERE key = ?", (key,)).fetchone():
        key += 1
    names = (recording.source, recording.channel)
    db.execute("INSERT OR IGNORE INTO places (source, channel) VALUES (?, ?)", names)
    db.execute(
        "INSERT INTO recordings (key, id, place, time, received, status, versions, corrected,"
        " segments) SELECT ?, ?, id, ?, ?, 'queued', 0, 0, 0 FROM places"
        " WHERE source = ? AND channel = ?",
        (
            key,
            recording.id,
            rows.microseconds(rows.moment(recording)),
            rows.microseconds(recording.received),
            *names,
        ),
    )
    db.execute("INSERT INTO bodies (key, record, text) VALUES (?, ?, '')", (key, stored.record))
    _index(db, key, "")
    return key


def _put(db: Connection, key: int, version: Version) -> None:
    correction = version.correction and msgspec.json.encode(version.correction)
    db.execute(
        f"INSERT OR REPLACE INTO versions (key, {_VERSION})"  # noqa: S608 - names of our own
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            key,
            version.number,
            version.status,
            correction,
            version.prompt,
            version.model,
            version.language,
            version.segments,
            version.confidence,
            version.created,
            version.code,
            version.reason,
            version.text,
        ),
    )


def _index(db: Connection, key: int, text: str) -> None:
    db.execute("INSERT INTO words (rowid, text) VALUES (?, ?)", (key, text))


def _unindex(db: Connection, key: int, text: str) -> None:
    db.execute("INSERT INTO words (words, rowid, text) VALUES ('delete', ?, ?)", (key, text))
