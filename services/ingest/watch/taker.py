"""Takes one file of the watched folder into the spool."""

import asyncio
import time
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo

from services.ingest.body import too_large
from services.ingest.entry import Held
from services.ingest.forwarder import Forwarder
from services.ingest.incoming import Incoming
from services.ingest.measures import Measures
from services.ingest.radio.call import Call
from services.ingest.reception import Reception
from services.ingest.watch import trunk_recorder
from services.ingest.watch.decide import Take
from services.ingest.watch.description import describe, timed
from services.ingest.watch.folder import WatchedFolder
from services.ingest.watch.names import Group, shown
from shared import media
from shared.errors import Full
from shared.telemetry import tracer

_BLOCK = 1024**2
"""Bytes that are read at a time."""
_NANO = 10**9


@dataclass(frozen=True)
class Taker:
    """By the same reception as uploads."""

    folder: WatchedFolder
    reception: Reception
    forwarder: Forwarder
    measures: Measures
    zone: tzinfo | None
    """Of SDRTrunk's clock; this machine's if None."""

    async def take(self, group: Group, take: Take) -> tuple[Held, bool]:
        """Take a file, durably; False beside what is there if the spool holds it already.

        Raises BadInput, which names what is wrong with it, Full, Changed, or OSError. Then nothing
        is left of it in the spool.
        """
        with (
            tracer.start_as_current_span("take a watched file"),
            self.measures.upload() as outcome,
        ):
            held, new = await self._take(group, take)
            outcome.taken(held, new)
        if new:
            self.forwarder.add(held)
        return held, new

    async def _take(self, group: Group, take: Take) -> tuple[Held, bool]:
        reception, stamp = self.reception, take.stamp
        call = await self._call(group, take)
        if stamp.size > reception.max_bytes:
            raise too_large(reception.max_bytes)
        self._leave_room(stamp.size)
        async with reception.spool.receive() as audio:
            await audio.reserve(stamp.size)
            await self._copy(group, take, audio)
            examined = await reception.examine(audio)
            tags = await asyncio.to_thread(media.tags, audio.path)
            said = describe(group, call, tags, examined.info.duration, self.zone, take.suffix)
            age = time.time() - stamp.modified / _NANO
            # Written before its recording was erased, it does not bring it back.
            written = datetime.fromtimestamp(max(0, stamp.modified) // _NANO, UTC)
            return await reception.keep(audio, examined, timed(said, age), written)

    async def _call(self, group: Group, take: Take) -> Call | None:
        if not take.is_call:
            return None
        meta = None
        if take.meta is not None and take.meta_stamp is not None:
            meta = await asyncio.to_thread(
                self.folder.read, group, take.meta, take.meta_stamp, trunk_recorder.MOST
            )
        return trunk_recorder.read(group.stem, meta)

    async def _copy(self, group: Group, take: Take, audio: Incoming) -> None:
        file = await asyncio.to_thread(self.folder.open, group, take.suffix, take.stamp)
        try:
            while audio.size <= take.stamp.size:
                data = await asyncio.to_thread(file.read, _BLOCK)
                if not data:
                    break
                await audio.write(data)
            await asyncio.to_thread(file.check)
        finally:
            file.close()

    def _leave_room(self, size: int) -> None:
        """Raise Full if what waits in the spool takes half of it: a file is safe where it is, and
        those who upload may have nowhere to keep theirs."""
        spool = self.reception.spool
        most = spool.room.most // 2
        if spool.room.used + size <= most:
            return
        done = sum(held.size for held in spool.held if held.forwarded is not None)
        waiting = spool.room.used - done
        if waiting > 0 and waiting + size > most:
            raise Full(f"{waiting} bytes wait in the spool; the watched folder leaves room in it.")


def name_of(group: Group, suffix: str) -> str:
    """A file's path in the watched folder, for people."""
    return shown(group.path(suffix))
