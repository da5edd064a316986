"""What two histories made of the same store and the same events have in common, row by row."""

from collections.abc import Iterator, Mapping
from itertools import zip_longest
from pathlib import Path
from sqlite3 import Connection, connect

ROWS: Mapping[str, str] = {
    "recordings": "SELECT r.key, r.id, p.source, p.channel, r.time, r.received,"
    " r.audio_deleted, r.status, r.version, r.versions, r.corrected, r.confidence, r.language,"
    " r.model, r.segments, b.record, b.text FROM recordings AS r JOIN bodies AS b USING (key)"
    " JOIN places AS p ON p.id = r.place ORDER BY r.key",
    "versions": "SELECT * FROM versions ORDER BY key, number",
    "segments": "SELECT * FROM segments ORDER BY key, number, at",
    "places": "SELECT source, channel FROM places ORDER BY source, channel",
    "words": "SELECT rowid, text FROM words ORDER BY rowid",
}
"""All but the numbers of channels, which are those of their arrival, and what is to be done."""


def open_file(data: Path) -> Connection:
    """The history of a data folder that nobody uses."""
    return connect(data / "history" / "history.sqlite", isolation_level=None)


def check_words(db: Connection) -> None:
    """Raises sqlite3.DatabaseError if the index of words is not that of the texts."""
    db.execute("INSERT INTO words (words, rank) VALUES ('integrity-check', 1)")


def differences(one: Connection, other: Connection) -> Iterator[str]:
    """Each row that they do not have in common, in words."""
    for name, query in ROWS.items():
        for ours, theirs in zip_longest(one.execute(query), other.execute(query)):
            if ours != theirs:
                yield f"{name}: {ours} is not {theirs}"


def count(db: Connection) -> int:
    """How many rows are compared."""
    return sum(
        db.execute(f"SELECT count(*) FROM ({query})").fetchone()[0] for query in ROWS.values()
    )
