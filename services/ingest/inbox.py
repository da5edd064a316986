"""Objects under `inbox/`: fetched into the spool, and removed once they are safe elsewhere.

Whoever put one there owns it until its message is taken. Then it is ours to remove, when three
things hold: the message is gone from SUBMIT, so that nobody is given it again; the recording no
longer waits in the spool; and the object is still the one that was fetched.

    inbox/<sequence>-<hash>.json in the spool     an object that was fetched (`Fetched`)

is written before the message is acknowledged and outlives the object, for a while and for as long
as a message from before its end waits: a second message that says the same is then known, and not
refused for an object that is missing.
"""

import asyncio
import hashlib
import logging
import random
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from services.ingest import disk
from services.ingest.forward_queue import wait
from services.ingest.incoming import Incoming
from services.ingest.submitted import digest
from services.ingest.upstream import Upstream
from shared.bus import StoredMessage, StreamState
from shared.errors import ObjectMissing, StoreUnavailable, TooLarge, Unavailable
from shared.messages import encode
from shared.object_store import ObjectStore
from shared.topology import SUBMIT

FOLDER = "inbox"
_BLOCK = 1024**2
"""Bytes that are fetched at a time."""
_EVERY = 0.5
"""Seconds between two looks at what waits in the spool."""
_log = logging.getLogger(__name__)


class Removed(Struct, frozen=True, kw_only=True):
    """When an object was seen to, and which messages there were then."""

    time: Annotated[datetime, Meta(description="When")]
    epoch: Annotated[str, Meta(description="Of SUBMIT")]
    last: Annotated[int, Meta(description="Sequence of the last message of SUBMIT")]


class Fetched(Struct, frozen=True, kw_only=True):
    """An object of the inbox that is in the spool, and the message that named it."""

    object: Annotated[str, Meta(description="Its key")]
    stamp: Annotated[str, Meta(description="The store's, by which it is known again")]
    sequence: Annotated[int, Meta(description="The message's place in SUBMIT")]
    message: Annotated[str, Meta(description="The message's digest")]
    entry: Annotated[str, Meta(description="Key of the spool's entry")]
    removed: Annotated[Removed | None, Meta(description="That the object was seen to")] = None

    @property
    def file(self) -> str:
        """Name of the file that keeps it."""
        return f"{self.sequence}-{hashlib.sha256(self.object.encode()).hexdigest()[:16]}.json"


async def fetch(store: ObjectStore, key: str, audio: Incoming, most: int) -> str:
    """Write an object of at most `most` bytes to the spool; returns its stamp.

    Raises ObjectMissing, TooLarge, StoreUnavailable, Full.
    """
    found = await store.stat(key)
    if found is None:
        raise ObjectMissing(f"There is no object {key!r} in the store.")
    if found.size > most:
        raise TooLarge(
            f"The object {key!r} has {found.size} bytes, of at most {most}"
            " (ECHOBASE_MAX_UPLOAD_BYTES).",
            field="object",
            limit=f"{most} bytes",
        )
    await audio.reserve(found.size)
    while audio.size < found.size:
        data = await store.get_range(key, audio.size, min(_BLOCK, found.size - audio.size))
        if not data:
            raise StoreUnavailable(f"The object {key!r} changed while it was fetched.")
        await audio.write(data)
    return found.stamp


class Inbox:
    """What was fetched from the inbox, and is still to be removed there or only remembered."""

    def __init__(
        self,
        folder: Path,
        upstream: Upstream,
        waits: Callable[[str], bool],
        keep: float,
    ) -> None:
        """`waits`: whether an entry of the spool, by its key, is not yet forwarded; `keep`: seconds
        for which what was removed is remembered."""
        self._folder = folder
        self._upstream = upstream
        self._waits = waits
        self._keep = timedelta(seconds=keep)
        self._known: dict[str, Fetched] = {}

    def open(self) -> None:
        """Find what an earlier process fetched. Blocks."""
        disk.make_folder(self._folder)
        for path in self._folder.iterdir():
            try:
                fetched = msgspec.json.decode(path.read_bytes(), type=Fetched)
            except msgspec.DecodeError:
                # Half-written in a crash: its message was not acknowledged, and comes again.
                path.unlink()
            else:
                self._known[path.name] = fetched

    async def note(self, object: str, stamp: str, message: StoredMessage, entry: str) -> None:
        """Remember, durably, that an object is in the spool. Raises Full."""
        with disk.no_room_is_full():
            await self._write(
                Fetched(
                    object=object,
                    stamp=stamp,
                    sequence=message.sequence,
                    message=digest(message),
                    entry=entry,
                )
            )

    def was_fetched(self, message: StoredMessage, object: str) -> bool:
        """Whether an earlier message that said the same had this object fetched."""
        said = digest(message)
        return any(f.object == object and f.message == said for f in self._known.values())

    async def forget(self, recording: str) -> None:
        """Remove what a recording that was erased left in the inbox and in SUBMIT, and its notes.

        Raises Unavailable, OSError.
        """
        for fetched in list(self._known.values()):
            # What waits in the spool after an erasure was sent anew.
            if not fetched.entry.startswith(f"{recording}-") or self._waits(fetched.entry):
                continue
            if fetched.removed is None:
                if not await self._is_ours(fetched):
                    bus = await self._upstream.bus()
                    await bus.delete(SUBMIT.name, fetched.sequence, erase=True)
                await self._remove(fetched)
            (self._folder / fetched.file).unlink(missing_ok=True)
            self._known.pop(fetched.file, None)

    async def run(self, stopping: asyncio.Event) -> None:
        """Remove what is ours to remove, until `stopping`."""
        failures, again = 0, 0.0
        while not stopping.is_set():
            if time.monotonic() >= again:
                try:
                    await self._look()
                    failures = 0
                except (Unavailable, OSError) as error:
                    failures += 1
                    again = time.monotonic() + wait(failures, random.random())  # noqa: S311 - no secret
                    _log.debug("the inbox is not emptied now", extra={"error": str(error)})
            with suppress(TimeoutError):
                async with asyncio.timeout(_EVERY):
                    await stopping.wait()

    async def _look(self) -> None:
        state: StreamState | None = None
        for fetched in list(self._known.values()):
            if fetched.removed is None:
                if not self._waits(fetched.entry) and await self._is_ours(fetched):
                    await self._remove(fetched)
            elif datetime.now(UTC) - fetched.removed.time > self._keep:
                state = state or await self._state()
                if state.epoch != fetched.removed.epoch or state.first > fetched.removed.last:
                    (self._folder / fetched.file).unlink(missing_ok=True)
                    del self._known[fetched.file]

    async def _state(self) -> StreamState:
        bus = await self._upstream.bus()
        return await bus.state(SUBMIT.name)

    async def _is_ours(self, fetched: Fetched) -> bool:
        """Whether its message is gone, so that nobody will fetch it again."""
        bus = await self._upstream.bus()
        found = await bus.get(SUBMIT.name, fetched.sequence)
        return found is None or digest(found) != fetched.message

    async def _remove(self, fetched: Fetched) -> None:
        store = await self._upstream.store()
        found = await store.stat(fetched.object)
        if found is not None and found.stamp == fetched.stamp:
            await store.delete(fetched.object)
        elif found is not None:
            _log.warning("an object of the inbox was put there again, and is left alone")
        state = await self._state()
        removed = Removed(time=datetime.now(UTC), epoch=state.epoch, last=state.last)
        await self._write(msgspec.structs.replace(fetched, removed=removed))

    async def _write(self, fetched: Fetched) -> None:
        path = self._folder / fetched.file
        await asyncio.to_thread(_write, path, encode(fetched))
        self._known[fetched.file] = fetched


def _write(path: Path, data: bytes) -> None:
    disk.write(path, data)
    disk.sync_folder(path.parent)
