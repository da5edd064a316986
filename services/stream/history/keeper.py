"""The history of a process, as its parts see it: kept, looked through, and told of corrections."""

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from sqlite3 import Connection
from typing import Literal, TypeVar

import msgspec

from services.stream.found import RecordingPage
from services.stream.history import ledger, search
from services.stream.history.file import Damaged, HistoryFile
from services.stream.history.outbox import Outbox
from services.stream.history.progress import Report
from services.stream.history.projection import PROGRESS, Projection
from services.stream.history.query import Wanted
from services.stream.history.rows import Version
from shared.bus import Bus
from shared.errors import Unavailable
from shared.follow import Follow
from shared.health import Result
from shared.object_store import ObjectStore

T = TypeVar("T")
End = Literal["refused", "unknown"]
"""Of a correction that was not stored, or of which the store did not say whether it was."""
FOLDER = "history"
"""Of the data folder."""
_TOLD_EVERY = 0.5
"""Seconds."""
_log = logging.getLogger(__name__)


class History:
    """What has been recorded, to be looked through; see the package."""

    def __init__(
        self, data: Path, store: ObjectStore, bus: Bus, follow: Follow, review_below: float
    ) -> None:
        """`data`: the folder for what outlives a process. `review_below`: the confidence below
        which somebody should listen."""
        self._file = HistoryFile(data / FOLDER)
        self._outbox = Outbox(self._file, store, bus)
        self._projection = Projection(self._file, store, follow, self._outbox.wake)
        self._review_below = review_below

    async def page(self, wanted: Wanted) -> RecordingPage:
        """Some of the recordings. Raises Unavailable as long as it does not know all of them."""
        return await self.read(lambda db: search.page(db, wanted, self._review_below))

    async def read(self, work: Callable[[Connection], T]) -> T:
        """Look at one state of the history. Raises Unavailable."""
        self._projection.progress.check_complete()
        try:
            return await self._file.read(work)
        except Damaged:
            self._projection.report_damage()
            raise Unavailable("The history is damaged, and is made anew.") from None

    async def begin_correction(self, recording: str, version: int) -> None:
        """Make sure that EVENTS will know of a correction, should it be stored.

        Raises Unavailable.
        """
        self._outbox.begun.add((recording, version))
        try:
            await self._write(lambda db: ledger.note_correction(db, recording, version))
        except BaseException:
            self._outbox.begun.discard((recording, version))
            raise

    async def end_correction(self, recording: str, version: int, end: Version | End) -> None:
        """Have a correction in the lists at once, and bring it to EVENTS.

        `end`: the version, if it was stored; else what became of it. Raises nothing: whatever
        happens, the store has it.
        """

        def write(db: Connection) -> None:
            if end == "refused":
                ledger.drop_correction(db, recording, version)
            elif isinstance(end, Version) and (key := ledger.key_of(db, recording)) is not None:
                ledger.put_version(db, key, end)

        self._outbox.begun.discard((recording, version))
        with suppress(Unavailable):
            await self._write(write)
        self._outbox.wake()

    async def health(self) -> Result:
        """How far it is."""
        return await self._projection.progress.health()

    async def run(self) -> None:
        """Keep it for ever."""
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._projection.run())
                tasks.create_task(self._outbox.run())
                tasks.create_task(self._tell())
        finally:
            await self._file.close()

    async def _write(self, work: Callable[[Connection], T]) -> T:
        try:
            return await self._file.write(work)
        except Damaged:
            self._projection.report_damage()
            raise Unavailable("The history is damaged, and is made anew.") from None

    async def _tell(self) -> None:
        """Say in a file how far it is, for `echobase history`."""
        told: Report | None = None
        path = self._file.folder / PROGRESS
        while True:
            now = self._projection.progress.report()
            if now != told:
                with suppress(OSError):
                    await asyncio.to_thread(_write_report, path, now)
                    told = now
            await asyncio.sleep(_TOLD_EVERY)


def _write_report(path: Path, report: Report) -> None:
    # Whole, but not on the disk at once: after a power cut it says nothing that is still true.
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.new")
    draft.write_bytes(msgspec.json.encode(report))
    draft.replace(path)
