"""An upload on its way into the spool: hashed as it is written."""

import asyncio
import hashlib
import shutil
from collections.abc import Awaitable, Callable
from concurrent.futures import Executor, Future
from pathlib import Path

from services.ingest import disk

AUDIO = "audio"
_AT_ONCE = 256 * 1024
"""Bytes gathered before they are handed to a thread."""

Take = Callable[["Incoming", int], Awaitable[None]]


class Incoming:
    """The audio file of an upload in progress."""

    def __init__(self, folder: Path, take: Take, threads: Executor) -> None:
        """`take` reserves room for so many bytes, or raises Full. Blocks."""
        self.folder = folder
        self.reserved = 0
        """Bytes of the spool's room that it occupies."""
        self.size = 0
        """Bytes received."""
        self._take = take
        self._threads = threads
        self._buffer = bytearray()
        self._hash = hashlib.sha256()
        self._last: Future[None] | None = None
        folder.mkdir()
        self._file = self.path.open("xb")

    @property
    def path(self) -> Path:
        """The audio file."""
        return self.folder / AUDIO

    async def reserve(self, size: int) -> None:
        """Take room for so many bytes at once, so that a lack of it shows early. Raises Full."""
        await self._take(self, max(0, size - self.reserved))

    async def write(self, data: bytes) -> None:
        """Add bytes. Raises Full."""
        self.size += len(data)
        self._buffer += data
        if len(self._buffer) >= _AT_ONCE:
            await self._flush()

    async def finish(self) -> str:
        """Have all of it on the disk; returns its SHA-256 in hex. Raises Full."""
        await self._flush()
        await self._run(self._sync)
        return self._hash.hexdigest()

    def discard(self) -> None:
        """Close the file; remove it unless it was moved into the spool."""
        if self._last is None or self._last.done():
            self._file.close()
        else:
            # The request was cancelled while a thread was writing.
            self._last.add_done_callback(lambda _: self._file.close())
        shutil.rmtree(self.folder, ignore_errors=True)

    async def _flush(self) -> None:
        data = bytes(self._buffer)
        self._buffer.clear()
        await self.reserve(self.size)
        await self._run(lambda: self._write(data))

    async def _run(self, work: Callable[[], None]) -> None:
        self._last = self._threads.submit(work)
        with disk.no_room_is_full():
            await asyncio.wrap_future(self._last)

    def _write(self, data: bytes) -> None:
        self._hash.update(data)
        self._file.write(data)

    def _sync(self) -> None:
        self._file.flush()
        disk.sync(self._file.fileno())
