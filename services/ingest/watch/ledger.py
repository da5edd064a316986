"""What was taken from the watched folder, and what was refused: a SQLite file. Blocking.

It saves work and no more: without it everything that lies there is read again, and found to be the
recordings that are there already. So one that is damaged is put aside, and begun anew.
"""

import os
import sqlite3
import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Literal, NamedTuple

from services.ingest import disk
from services.ingest.watch.names import Group, Stamp

State = Literal["call", "plain", "twin", "refused"]
"""Taken, as a call or for itself; the same call in another form; put aside."""
_SCHEMA = """
CREATE TABLE IF NOT EXISTS files (
    folder BLOB NOT NULL,
    stem BLOB NOT NULL,
    suffix BLOB NOT NULL,
    size INTEGER NOT NULL,
    modified INTEGER NOT NULL,
    state TEXT NOT NULL,
    time INTEGER NOT NULL,
    PRIMARY KEY (folder, stem, suffix)
) WITHOUT ROWID
"""
_FILE = "ledger.sqlite"
_DAMAGE = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


class Row(NamedTuple):
    """What is known of a file."""

    stamp: Stamp
    """As it was then."""
    state: State


Rows = Mapping[str, Row]
"""By the endings of a group's files."""


class Ledger:
    """One file in a folder of its own, used by one thread at a time."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._connection: sqlite3.Connection | None = None

    def open(self) -> None:
        """Open it, or begin it, unless it is open. Raises OSError, sqlite3.Error."""
        if self._connection is not None:
            return
        disk.make_folder(self._folder)
        try:
            self._connection = self._open()
        except sqlite3.DatabaseError as error:
            if error.sqlite_errorcode not in _DAMAGE:
                raise
            for path in self._folder.glob(f"{_FILE}*"):
                path.replace(path.with_name(f"damaged-{path.name}"))
            self._connection = self._open()

    def close(self) -> None:
        """Close it."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def of(self, group: Group) -> Rows:
        """What is known of the files of a group, those that are gone included."""
        found = self._do(
            "SELECT suffix, size, modified, state FROM files WHERE folder = ? AND stem = ?",
            (os.fsencode(group.folder), os.fsencode(group.stem)),
        )
        return {os.fsdecode(row[0]): _row(row[1:]) for row in found}

    def of_folder(self, folder: str) -> Mapping[str, Rows]:
        """What is known of a folder's files, by their stems."""
        found: dict[str, dict[str, Row]] = {}
        for stem, suffix, *row in self._do(
            "SELECT stem, suffix, size, modified, state FROM files WHERE folder = ?",
            (os.fsencode(folder),),
        ):
            found.setdefault(os.fsdecode(stem), {})[os.fsdecode(suffix)] = _row(row)
        return found

    def folders(self) -> list[str]:
        """The folders of which something is known."""
        return [os.fsdecode(row[0]) for row in self._do("SELECT DISTINCT folder FROM files", ())]

    def write(self, group: Group, rows: Rows) -> None:
        """Remember what became of files, durably."""
        folder, stem = os.fsencode(group.folder), os.fsencode(group.stem)
        now = int(time.time())
        with self._open_connection as connection:
            connection.executemany(
                "INSERT OR REPLACE INTO files VALUES (?, ?, ?, ?, ?, ?, ?)",
                [
                    (folder, stem, os.fsencode(suffix), *row.stamp, row.state, now)
                    for suffix, row in rows.items()
                ],
            )

    def forget(self, groups: Iterable[Group], age: float) -> None:
        """Let go what was written at least `age` seconds ago of groups that are gone."""
        before = int(time.time() - age)
        with self._open_connection as connection:
            connection.executemany(
                "DELETE FROM files WHERE folder = ? AND stem = ? AND time <= ?",
                [(os.fsencode(g.folder), os.fsencode(g.stem), before) for g in groups],
            )

    @property
    def _open_connection(self) -> sqlite3.Connection:
        if self._connection is None:
            raise sqlite3.OperationalError("the ledger is not open")
        return self._connection

    def _open(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self._folder / _FILE, check_same_thread=False)
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = FULL")
            connection.execute(_SCHEMA)
            connection.execute("SELECT count(*) FROM (SELECT 1 FROM files LIMIT 1)")
        except sqlite3.Error:
            with suppress(sqlite3.Error):
                connection.close()
            raise
        return connection

    def _do(self, query: str, values: tuple[bytes, ...]) -> sqlite3.Cursor:
        return self._open_connection.execute(query, values)


def _row(values: Iterable[object]) -> Row:
    size, modified, state = values
    return Row(Stamp(int(str(size)), int(str(modified))), _STATES[str(state)])


_STATES: Mapping[str, State] = {
    "call": "call",
    "plain": "plain",
    "twin": "twin",
    "refused": "refused",
}
