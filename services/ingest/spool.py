"""The spool: what ingest accepted stays on this node's disk until it is safe elsewhere.

incoming/<random>/audio             an upload in progress; swept at start
entries/<key>/audio, entry.json     accepted: fsynced, folder and parent too, before the answer
entries/<key>/forwarded.json        safe elsewhere; kept a while, then removed
refused/<key>/…, refused.json       the store refused it for good
inbox/…                             see `services.ingest.inbox`
erasures/…                          see `services.ingest.erasures`
lock                                held by the one process that uses the spool
"""

import asyncio
import fcntl
import logging
import os
import shutil
from collections.abc import AsyncGenerator, Callable, Iterable
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TypeVar
from uuid import uuid4
from weakref import WeakValueDictionary

import msgspec

from services.ingest import disk
from services.ingest.entry import Entry, Forwarded, Held, Refusal, Refused
from services.ingest.incoming import AUDIO, Incoming
from services.ingest.room import Room
from shared.errors import BadMessage, SettingError
from shared.messages import decode, encode

ENTRY = "entry.json"
FORWARDED = "forwarded.json"
REFUSED = "refused.json"
ENTRIES = "entries"
REFUSALS = "refused"
"""Folders of the spool's."""

_UNKNOWN = Refused(
    code="unknown", reason="Its marker cannot be read.", time=datetime.fromtimestamp(0, UTC)
)

T = TypeVar("T")
_log = logging.getLogger(__name__)


class Spool:
    """One folder, used by one process."""

    def __init__(self, folder: Path, most: int, least_free: int) -> None:
        """`most`: bytes that it may hold; `least_free`: bytes that it leaves free on the disk."""
        self.folder = folder
        self.room = Room(most, least_free, lambda: disk.free(folder))
        self._held: dict[str, Held] = {}
        self._refused: dict[str, Held] = {}
        self._unreadable: dict[str, Refusal] = {}
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._threads: Executor = ThreadPoolExecutor(4, "spool")
        self._lock = -1

    def open(self) -> None:
        """Take the folder, sweep what uploads left behind, and find the entries. Blocks.

        Raises SettingError if another process uses it, or if it cannot be written.
        """
        try:
            for part in (self._incoming, self._entries, self._refusals):
                disk.make_folder(part)
            self._lock = os.open(self.folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self.close()
            raise SettingError(
                f"the spool {self.folder} is in use: another ingest runs with the same"
                " ECHOBASE_DATA"
            ) from None
        except OSError as error:
            self.close()
            raise SettingError(
                f"the spool {self.folder} (in ECHOBASE_DATA) cannot be used: {error.strerror}"
            ) from None
        for left in self._incoming.iterdir():
            shutil.rmtree(left, ignore_errors=True)
        for folder in sorted(self._refusals.iterdir()):
            self._load_refused(folder)
        for folder in sorted(self._entries.iterdir()):
            self._load(folder)

    def close(self) -> None:
        """Let another process have it."""
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1
        self._threads.shutdown(wait=False)

    @property
    def held(self) -> Iterable[Held]:
        """Every accepted entry: those that wait, and those that are kept a while longer."""
        return self._held.values()

    def is_full(self) -> bool:
        """Whether nothing more fits, even if what is safe elsewhere is let go."""
        forwarded = sum(held.size for held in self._held.values() if held.forwarded is not None)
        return self.room.lacking(1) > forwarded

    def find(self, recording: str) -> list[Held]:
        """What it holds of a recording, refused entries included."""
        everything = (*self._held.values(), *self._refused.values())
        return [held for held in everything if held.entry.recording.id == recording]

    @property
    def refusals(self) -> list[Refusal]:
        """Every entry that was put aside, in the order of their keys."""
        refused = [
            Refusal(key, held.size, held.refused or _UNKNOWN, held.entry)
            for key, held in self._refused.items()
        ]
        return sorted([*refused, *self._unreadable.values()], key=lambda each: each.key)

    def waits(self, key: str) -> bool:
        """Whether it holds an entry of this key that still has to be forwarded."""
        held = self._held.get(key)
        return held is not None and held.waiting

    def audio(self, held: Held) -> Path:
        """Where an entry's audio lies."""
        return self._folder(held) / AUDIO

    @asynccontextmanager
    async def receive(self) -> AsyncGenerator[Incoming, None]:
        """Room for an upload; what is not kept by the end of the context leaves nothing."""
        # Not by a thread: a request that is cancelled meanwhile would leave the file behind.
        incoming = Incoming(self._incoming / uuid4().hex, self._take, self._threads)
        try:
            yield incoming
        finally:
            incoming.discard()
            self.room.give(incoming.reserved)

    async def keep(self, incoming: Incoming, entry: Entry) -> tuple[Held, bool]:
        """Accept an upload, durably; False beside the entry that is there already, if there is.

        Raises Full.
        """
        key = entry.key
        async with self._one_at_a_time(key):
            if key in self._held:
                return self._held[key], False
            data = encode(entry)
            await incoming.reserve(incoming.size + len(data))
            with disk.no_room_is_full():
                await self._do(lambda: self._keep(incoming.folder, data, key))
            size = incoming.size + len(data)
            held = self._held[key] = Held(entry, size)
            incoming.reserved -= size
            return held, True

    async def forwarded(self, held: Held, marker: Forwarded) -> None:
        """Mark an entry as safe elsewhere, durably."""
        folder = self._folder(held)
        data = encode(marker)
        await self._do(lambda: _write(folder / FORWARDED, data))
        held.size += len(data)
        self.room.used += len(data)
        held.forwarded = marker.time
        held.error = ""
        held.claimed(marker.version, marker.known)

    async def refuse(self, held: Held, why: Refused) -> None:
        """Put an entry aside, durably: it cannot be forwarded."""
        key = held.entry.key
        target = self._refusals / key
        async with self._one_at_a_time(key):
            earlier = self._refused.pop(key, None) or self._unreadable.pop(key, None)
            folder = self._folder(held)
            data = encode(why)
            await self._do(lambda: self._refuse(folder, data, target))
            if earlier is not None:
                self.room.give(earlier.size)
            held.size += len(data)
            self.room.used += len(data)
            held.refused = why
            self._refused[key] = held
            self._held.pop(key, None)
        held.settled.set()

    async def remove(self, held: Held) -> None:
        """Remove a forwarded entry; nothing happens if it is gone."""
        key = held.entry.key
        async with self._one_at_a_time(key):
            if self._held.get(key) is not held or held.forwarded is None:
                return
            folder = self._folder(held)
            await self._do(lambda: disk.remove(folder, self._incoming / uuid4().hex))
            del self._held[key]
            self.room.give(held.size)

    async def restore(self, key: str) -> tuple[Held, bool] | None:
        """Take a refused entry back among those that wait; None if there is none that can be read.

        If the same was accepted anew meanwhile, that one stands (False), and the refused one goes.
        """
        async with self._one_at_a_time(key):
            refused = self._refused.get(key)
            if refused is None:
                return None
            folder = self._refusals / key
            newer = self._held.get(key)
            if newer is not None:
                await self._do(lambda: disk.remove(folder, self._incoming / uuid4().hex))
                size = 0
            else:
                size = await self._do(lambda: self._restore(folder, self._entries / key))
                self._held[key] = Held(refused.entry, size)
            del self._refused[key]
            self.room.give(refused.size - size)
            return self._held[key], newer is None

    async def drop(self, key: str) -> bool:
        """Remove a refused entry for good; False if there is none."""
        async with self._one_at_a_time(key):
            found: Held | Refusal | None = self._refused.get(key) or self._unreadable.get(key)
            if found is None:
                return False
            folder = self._refusals / key
            await self._do(lambda: disk.remove(folder, self._incoming / uuid4().hex))
            self._refused.pop(key, None)
            self._unreadable.pop(key, None)
            self.room.give(found.size)
            return True

    async def forget(self, recording: str, before: datetime) -> int:
        """Remove what was sent of a recording up to a time, however far it has come.

        Returns how many entries that were.
        """
        count = 0
        for known, place in ((self._held, self._entries), (self._refused, self._refusals)):
            for key, held in list(known.items()):
                if held.entry.recording.id == recording and held.entry.since <= before:
                    async with self._one_at_a_time(key):
                        if known.get(key) is held:
                            aside = self._incoming / uuid4().hex
                            await self._do(partial(disk.remove, place / key, aside))
                            del known[key]
                            self.room.give(held.size)
                            count += 1
                    held.erased = True
                    held.settled.set()
        for key in [key for key in self._unreadable if key.startswith(f"{recording}-")]:
            count += await self.drop(key)
        return count

    @property
    def _incoming(self) -> Path:
        return self.folder / "incoming"

    @property
    def _entries(self) -> Path:
        return self.folder / ENTRIES

    @property
    def _refusals(self) -> Path:
        return self.folder / REFUSALS

    def _folder(self, held: Held) -> Path:
        return (self._entries if held.refused is None else self._refusals) / held.entry.key

    def _one_at_a_time(self, key: str) -> asyncio.Lock:
        return self._locks.setdefault(key, asyncio.Lock())

    async def _do(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._threads, work)

    async def _take(self, incoming: Incoming, size: int) -> None:
        """Make room for `size` more bytes of an upload. Raises Full.

        A new recording is worth more than a second copy of one that is safe elsewhere.
        """
        if self.room.lacking(size):
            done = [held for held in self._held.values() if held.forwarded is not None]
            for held in sorted(done, key=lambda held: held.entry.asked):
                await self.remove(held)
                if not self.room.lacking(size):
                    break
        self.room.take(size)
        incoming.reserved += size

    def _keep(self, folder: Path, data: bytes, key: str) -> None:
        disk.write(folder / ENTRY, data)
        disk.sync_folder(folder)
        target = self._entries / key
        if target.exists():
            # An upload of it whose move could not be synced: its sender was told of an error, and
            # it is not held. Left there, it would keep the recording out until the next start.
            disk.remove(target, self._incoming / uuid4().hex)
        disk.move(folder, target)

    def _refuse(self, folder: Path, data: bytes, target: Path) -> None:
        _write(folder / REFUSED, data)
        if target.exists():
            disk.remove(target, self._incoming / uuid4().hex)
        disk.move(folder, target)
        disk.sync_folder(folder.parent)

    def _restore(self, folder: Path, target: Path) -> int:
        """Returns the bytes that it takes."""
        if target.exists():
            # As in `_keep`: it is not held.
            disk.remove(target, self._incoming / uuid4().hex)
        disk.move(folder, target)
        disk.sync_folder(folder.parent)
        # Left there by a crash, it says nothing: an entry is refused by where it lies.
        (target / REFUSED).unlink(missing_ok=True)
        return disk.size(target)

    def _load(self, folder: Path) -> None:
        try:
            held = _read_entry(folder)
            if held.entry.key != folder.name:
                raise BadMessage(f"{ENTRY} is of another entry: {held.entry.key}")
        except (OSError, BadMessage) as error:
            _log.error(
                "a spool entry cannot be read", extra={"entry": folder.name, "error": str(error)}
            )
            why = Refused(code="unreadable", reason=str(error), time=datetime.now(UTC))
            target = self._refusals / folder.name
            self._refuse(folder, encode(why), target)
            self._load_refused(target)
            return
        marker = _read(folder / FORWARDED, Forwarded)
        if marker is not None:
            held.forwarded = marker.time
            held.claimed(marker.version, marker.known)
        self._held[folder.name] = held
        self.room.used += held.size

    def _load_refused(self, folder: Path) -> None:
        size = disk.size(folder)
        self.room.used += size
        why = _read(folder / REFUSED, Refused) or _UNKNOWN
        try:
            held = _read_entry(folder)
        except (OSError, BadMessage):
            # Said when it was put there.
            self._unreadable[folder.name] = Refusal(folder.name, size, why, None)
            return
        held.refused = why
        held.settled.set()
        self._refused[folder.name] = held


def _read_entry(folder: Path) -> Held:
    entry = decode((folder / ENTRY).read_bytes(), Entry)
    size = (folder / AUDIO).stat().st_size
    if size != entry.audio_size:
        raise BadMessage(f"its audio has {size} bytes instead of {entry.audio_size}")
    return Held(entry, disk.size(folder))


def _read(path: Path, kind: type[T]) -> T | None:
    try:
        return msgspec.json.decode(path.read_bytes(), type=kind)
    except (FileNotFoundError, msgspec.DecodeError):
        return None  # A marker that a crash left half-written: the work is done again.


def _write(path: Path, data: bytes) -> None:
    disk.write(path, data)
    disk.sync_folder(path.parent)
