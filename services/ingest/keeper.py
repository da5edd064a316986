"""The keeper: walks the store's recordings, and deletes what is kept no longer.

Every ingest has one. They need not agree: what one has deleted the others do not find, and deleting
twice does no harm.
"""

import asyncio
import logging
import random
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta

from services.ingest.eraser import Eraser, Protected
from services.ingest.scrub import sweep
from services.ingest.upstream import Upstream
from shared import object_keys
from shared.erasure import Tombstone, read, tombstones
from shared.errors import Unavailable
from shared.keeping import Forget, Kept, Rules, decide
from shared.messages import Recording
from shared.object_store import ObjectStore

_SWEPT = timedelta(days=1)
"""How long after an erasure what came late is still looked for."""
_STONES = timedelta(days=90)
"""How long it is known that a limit, and not somebody, had a recording deleted: from an older
backup it would come back only to be deleted by the same limit."""
_FIRST = (0.1, 0.3)
"""Part of the time between two walks after which the first one begins: nodes start together."""
_log = logging.getLogger(__name__)


def utc() -> datetime:
    """The time."""
    return datetime.now(UTC)


class Keeper:
    """What goes, and when."""

    def __init__(
        self,
        upstream: Upstream,
        eraser: Eraser,
        rules: Callable[[], Rules],
        every: float,
        clock: Callable[[], datetime] = utc,
    ) -> None:
        """`rules`: those of the moment; may raise Unavailable. `every`: seconds between walks."""
        self._upstream = upstream
        self._eraser = eraser
        self._rules = rules
        self._every = every
        self._clock = clock

    async def run(self, stopping: asyncio.Event) -> None:
        """Walk until `stopping`."""
        pause = self._every * random.uniform(*_FIRST)  # noqa: S311 - spreads load
        while not stopping.is_set():
            with suppress(TimeoutError):
                async with asyncio.timeout(pause):
                    await stopping.wait()
                    return
            began = time.monotonic()
            try:
                gone = await self.walk()
            except Unavailable as error:
                _log.info("the keeper comes again", extra={"error": str(error)})
            else:
                seconds = round(time.monotonic() - began, 1)
                _log.info("the keeper walked", extra={"deleted": len(gone), "seconds": seconds})
            pause = self._every * random.uniform(0.9, 1.1)  # noqa: S311 - spreads load

    async def walk(self) -> list[Forget]:
        """Delete what has to go now; returns that. Raises Unavailable."""
        rules = self._rules()
        store = await self._upstream.store()
        kept: list[Kept] = []
        records: dict[str, Recording] = {}
        async for id in store.folders(object_keys.RECORDINGS):
            if found := await look(store, id):
                record, each = found
                kept.append(each)
                records[id] = record
        now = self._clock()
        gone = decide(kept, rules, now)
        for forget in gone:
            with suppress(Protected):  # held since we looked
                await self._delete(forget, records[forget.id], now)
        await self._tombstones(store, now)
        return gone

    async def _delete(self, forget: Forget, record: Recording, now: datetime) -> None:
        if forget.what == "audio":
            await self._eraser.forget_audio(record, forget.reason)
        else:
            stone = Tombstone(recording=forget.id, time=now, reason=forget.reason)
            await self._eraser.forget(stone)

    async def _tombstones(self, store: ObjectStore, now: datetime) -> None:
        bus = await self._upstream.bus()
        async for stone in tombstones(store):
            age = now - stone.time
            if age < _SWEPT:
                await sweep(store, bus, stone)
            elif age > _STONES and stone.reason != "request":
                await store.delete(object_keys.tombstone(stone.recording))


async def look(store: ObjectStore, id: str) -> tuple[Recording, Kept] | None:
    """A recording and what is kept of it; None if it is not yet stored, or no longer.

    Raises StoreUnavailable.
    """
    record = await read(store, object_keys.record(id), Recording)
    if record is None:
        return None
    audio = rest = 0
    held = False
    async for item in store.list(object_keys.recording_prefix(id)):
        if item.key == record.audio:
            audio = item.size
        else:
            rest += item.size
        held = held or item.key == object_keys.hold(id)
    kept = Kept(id, record.source, record.channel, record.received, audio, rest, held)
    return record, kept
