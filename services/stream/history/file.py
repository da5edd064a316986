"""The history's file: opened by one process, written in one thread and read in a few.

SQLite never runs on the event loop. A file that is damaged, of another release or gone is no
error: it says so (`Damaged`), and whoever keeps it makes it anew.
"""

import asyncio
import fcntl
import os
import sqlite3
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import TypeVar

from services.stream.history import shape
from shared.errors import Unavailable

T = TypeVar("T")
Work = Callable[[sqlite3.Connection], T]

READERS = 2
_BUSY = 5.0
"""Seconds for which SQLite waits for a lock of its own."""
_LONGEST_READ = 20.0
"""Seconds after which a query is given up."""
_STEPS = 100_000
_PAUSE = 0.02
_DAMAGE = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}


class Damaged(Exception):
    """The file cannot be used, and has to be made anew."""


class Taken(Exception):
    """Another process uses the file."""


class HistoryFile:
    """One file; see the module."""

    def __init__(self, folder: Path) -> None:
        """`folder` is the history's own."""
        self.folder = folder
        self.path = folder / "history.sqlite"
        self._lock: int | None = None
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="history-write")
        self._readers = ThreadPoolExecutor(READERS, thread_name_prefix="history-read")
        self._connection: sqlite3.Connection | None = None
        self._idle: SimpleQueue[sqlite3.Connection] = SimpleQueue()
        self._open_readers: list[sqlite3.Connection] = []
        self._inode = 0

    @property
    def is_open(self) -> bool:
        """Whether it can be read and written."""
        return self._connection is not None

    async def open(self) -> bool:
        """Open the file; whether it was there before. Raises Taken, Damaged, OSError."""
        return await self._in(self._writer, self._open)

    async def write(self, work: Work[T]) -> T:
        """Do something in one transaction: all of it, or nothing. Raises Damaged, Unavailable."""
        return await self._in(self._writer, lambda: self._transaction(work))

    async def read(self, work: Work[T]) -> T:
        """Look at one state of the file. Raises Damaged, Unavailable."""
        return await self._in(self._readers, lambda: self._snapshot(work))

    async def scrub(self) -> None:
        """Leave nothing of what was deleted in the file's bytes. Raises Damaged."""
        await self._in(self._writer, self._scrub)

    async def check(self) -> None:
        """Raises Damaged if the file was taken away."""
        await self._in(self._writer, self._check)

    async def remove(self) -> None:
        """Delete the file; it is closed, and may be opened anew."""
        await self._in(self._writer, self._remove)

    async def close(self) -> None:
        """Let go of file and threads."""
        await self._in(self._writer, self._close)
        self._readers.shutdown(wait=False)
        self._writer.shutdown(wait=False)

    async def _in(self, threads: ThreadPoolExecutor, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(threads, lambda: _translated(work))

    def _open(self) -> bool:
        if self._connection is not None:
            return True
        self._take_lock()
        known = self.path.exists()
        connection = _connect(self.path)
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            # What is deleted is overwritten; see `scrub` for what that does not reach.
            connection.execute("PRAGMA secure_delete = ON")
            # Safe against a crash of the process; a power cut may cost the latest transactions,
            # and the place in EVENTS with them, so that they are only done again.
            connection.execute("PRAGMA synchronous = NORMAL")
            _prepare(connection)
            self._inode = self.path.stat().st_ino
            for _ in range(READERS):
                reader = _connect(self.path)
                reader.execute("PRAGMA query_only = ON")
                self._open_readers.append(reader)
                self._idle.put(reader)
        except BaseException:
            connection.close()
            self._close_readers()
            raise
        self._connection = connection
        return known

    def _take_lock(self) -> None:
        if self._lock is not None:
            return
        self.folder.mkdir(parents=True, exist_ok=True)
        self._lock = os.open(self.folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(self._lock)
            self._lock = None
            raise Taken(f"another process uses {self.path}") from None

    def _transaction(self, work: Work[T]) -> T:
        connection = self._opened()
        connection.execute("BEGIN IMMEDIATE")
        try:
            done = work(connection)
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise
        connection.execute("COMMIT")
        return done

    def _snapshot(self, work: Work[T]) -> T:
        self._opened()
        try:
            connection = self._idle.get(timeout=_BUSY)
        except Empty:
            raise Unavailable("The history is being closed.") from None
        give_up = time.monotonic() + _LONGEST_READ
        connection.set_progress_handler(lambda: time.monotonic() > give_up, _STEPS)
        try:
            connection.execute("BEGIN")
            return work(connection)
        finally:
            with suppress(sqlite3.Error):
                connection.execute("ROLLBACK")
            self._idle.put(connection)

    def _scrub(self) -> None:
        connection = self._opened()
        # The index of words only marks what was deleted, until its parts are made one.
        connection.execute("INSERT INTO words (words) VALUES ('optimize')")
        while True:
            # What readers still look at cannot be taken out of the log; they are quick.
            busy, *_ = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
            if not busy:
                return
            time.sleep(_PAUSE)

    def _check(self) -> None:
        self._opened()
        try:
            same = self.path.stat().st_ino == self._inode
        except FileNotFoundError:
            same = False
        if not same:
            raise Damaged(f"{self.path} was taken away")

    def _remove(self) -> None:
        self._close_connections()
        for suffix in ("", "-wal", "-shm"):
            self.path.with_name(self.path.name + suffix).unlink(missing_ok=True)

    def _close(self) -> None:
        self._close_connections()
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def _close_connections(self) -> None:
        connection, self._connection = self._connection, None
        self._close_readers()
        if connection is not None:
            with suppress(sqlite3.Error):
                connection.close()

    def _close_readers(self) -> None:
        # Each is waited for: it may be in use.
        for _ in range(len(self._open_readers)):
            self._idle.get().close()
        self._open_readers.clear()

    def _opened(self) -> sqlite3.Connection:
        if self._connection is None:
            raise Unavailable("The history is being made anew.")
        return self._connection


def _connect(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(path, _BUSY, isolation_level=None, check_same_thread=False)


def _prepare(connection: sqlite3.Connection) -> None:
    """Make the tables, or see that they are ours and whole. Raises Damaged."""
    [version] = connection.execute("PRAGMA user_version").fetchone()
    if version == 0:
        connection.executescript(
            f"BEGIN; {shape.TABLES} PRAGMA user_version = {shape.VERSION}; COMMIT;"
        )
        return
    if version != shape.VERSION:
        raise Damaged("it was written by another release")
    [found] = connection.execute("PRAGMA quick_check(1)").fetchone()
    if found != "ok":
        raise Damaged(str(found))


def _translated(work: Callable[[], T]) -> T:
    try:
        return work()
    except sqlite3.Error as error:
        if (getattr(error, "sqlite_errorcode", 0) & 0xFF) in _DAMAGE:
            raise Damaged(str(error)) from error
        raise Unavailable(f"The history cannot be read or written: {error}") from error
