"""Erases recordings, here and everywhere else, whatever is away and whoever dies in between.

    note on the disk → tombstone → spool, inbox → queues, dead letters → `deleted` → events → store

Each step is harmless when done again. Other nodes hear of it by the event, and find the tombstone
before they forward anything. What somebody stores who did not know yet is looked for once more.
"""

import asyncio
import logging
import random
import time
from collections.abc import Iterable, Sequence
from contextlib import suppress
from datetime import UTC, datetime

from services.ingest.erasures import Erasure, Erasures
from services.ingest.forward_queue import wait
from services.ingest.inbox import Inbox
from services.ingest.scrub import scrub_events, scrub_queues, scrub_store, sweep
from services.ingest.spool import Spool
from services.ingest.upstream import Upstream
from shared import object_keys, subjects
from shared.bus import Bus, StreamReset
from shared.envelope import deleted_message
from shared.erasure import Forgotten, Hold, Tombstone, bury, lives_again, read, tombstone, unbury
from shared.errors import BadMessage, EchoBaseError, Unavailable
from shared.keeping import Reason
from shared.messages import Deleted, Recording, decode, decode_event, encode
from shared.object_store import ObjectStore
from shared.topology import EVENTS

AGAIN = 90.0
"""Seconds after an erasure until what came late is looked for: longer than a job is in hand
without a sign of life."""
_EVERY = 1.0
_log = logging.getLogger(__name__)


class Protected(EchoBaseError):
    """A hold keeps the recording."""

    code = "held"


class Eraser:
    """The only one who erases in this process."""

    def __init__(
        self,
        upstream: Upstream,
        spool: Spool,
        inbox: Inbox,
        erasures: Erasures,
        again: float = AGAIN,
    ) -> None:
        self._upstream = upstream
        self._spool = spool
        self._inbox = inbox
        self._erasures = erasures
        self._again = again
        self._late: list[tuple[float, Tombstone]] = []
        self._turn = asyncio.Lock()

    @property
    def pending(self) -> Sequence[Erasure]:
        """Erasures that were accepted, and are still to be carried out."""
        return self._erasures.pending

    async def check(self, recording: str) -> bool:
        """Whether anything is known of a recording, or was before it was erased.

        Raises Protected if a hold keeps it, Unavailable.
        """
        known = bool(self._spool.find(recording)) or self._erasures.is_pending(recording)
        store = await self._upstream.store()
        await _check_hold(store, recording)
        async for _ in store.list(object_keys.recording_prefix(recording)):
            return True
        if known or await tombstone(store, recording) is not None:
            return True
        bus = await self._upstream.bus()
        return await bus.last(EVENTS.name, subjects.recording_events(recording)) is not None

    async def ask(self, recording: str, patience: float) -> bool:
        """Have a recording erased; False if that has to wait, which is durable all the same.

        Raises Protected, OSError.
        """
        erasure = await asyncio.to_thread(self._erasures.note, recording)
        try:
            async with asyncio.timeout(patience):
                await self._carry_out(erasure)
        except (Unavailable, TimeoutError) as error:
            _log.warning("an erasure waits", extra={"recording": recording, "error": str(error)})
            return False
        return True

    async def forget(self, stone: Tombstone) -> None:
        """Erase a recording that is kept no longer. Raises Protected, Unavailable, OSError."""
        await self._perform(stone)

    async def forget_audio(self, recording: Recording, reason: Reason) -> None:
        """Delete a recording's audio, and keep the rest. Raises Protected, Unavailable."""
        store, bus = await self._upstream.store(), await self._upstream.bus()
        await _check_hold(store, recording.id)
        now = datetime.now(UTC)
        forgotten = Forgotten(time=now, reason=reason)
        # First the reason, then the loss.
        marker = object_keys.forgotten(recording.id)
        await store.put(marker, encode(forgotten))
        try:
            await _check_hold(store, recording.id)  # that came in between
        except Protected:
            await store.delete(marker)
            raise
        event = Deleted(
            recording=recording.id,
            source=recording.source,
            channel=recording.channel,
            time=now,
            what="audio",
            reason=reason,
        )
        await bus.publish(deleted_message(event))
        await store.delete(recording.audio)

    async def run(self, stopping: asyncio.Event) -> None:
        """Carry out what waits, and what other nodes announce, until `stopping`."""
        following = asyncio.create_task(self._follow())
        try:
            failures, again, looked_back = 0, 0.0, False
            while not stopping.is_set():
                if time.monotonic() >= again:
                    try:
                        if not looked_back:
                            await self._look_back()
                            looked_back = True
                        await self._carry_on()
                        failures = 0
                    except (Unavailable, OSError) as error:
                        failures += 1
                        again = time.monotonic() + wait(failures, random.random())  # noqa: S311 - no secret
                        _log.debug("erasures wait", extra={"error": str(error)})
                with suppress(TimeoutError):
                    async with asyncio.timeout(_EVERY):
                        await stopping.wait()
        finally:
            following.cancel()
            await asyncio.gather(following, return_exceptions=True)

    async def _carry_on(self) -> None:
        for erasure in list(self._erasures.pending):
            with suppress(Protected):
                await self._carry_out(erasure)
        for each in [late for late in self._late if late[0] <= time.monotonic()]:
            stone = each[1]
            found = await sweep(await self._upstream.store(), await self._upstream.bus(), stone)
            self._late.remove(each)
            if found:
                _log.warning("what came late was erased", extra={"recording": stone.recording})
                self._late.append((time.monotonic() + self._again, stone))

    async def _carry_out(self, erasure: Erasure) -> None:
        async with self._turn:
            if not self._erasures.is_pending(erasure.recording):
                return
            try:
                await self._perform(erasure.stone)
            except Protected as held:
                _log.warning("not erased: %s", held, extra={"recording": erasure.recording})
                await asyncio.to_thread(self._erasures.drop, erasure)
                raise
            await asyncio.to_thread(self._erasures.finish, erasure)
            _log.info("erased", extra={"recording": erasure.recording})

    async def _perform(self, stone: Tombstone) -> None:
        recording = stone.recording
        store, bus = await self._upstream.store(), await self._upstream.bus()
        await _heed_hold(store, stone)
        names = await self._names(store, bus, recording)
        await bury(store, stone)
        # Who holds it looks for the tombstone afterwards: one of both sees the other.
        await _heed_hold(store, stone)
        await self._drop_here(stone)
        if await lives_again(store, stone):
            return
        await scrub_queues(bus, recording)
        announced = 0
        if names is not None:
            event = Deleted(
                recording=recording,
                source=names[0],
                channel=names[1],
                time=stone.time,
                what="all",
                reason=stone.reason,
            )
            announced = (await bus.publish(deleted_message(event))).sequence
        await scrub_events(bus, recording, announced)
        await scrub_store(store, recording)
        self._late.append((time.monotonic() + self._again, stone))

    async def _drop_here(self, stone: Tombstone) -> None:
        await self._spool.forget(stone.recording, stone.time)
        await self._inbox.forget(stone.recording)

    async def _names(self, store: ObjectStore, bus: Bus, recording: str) -> tuple[str, str] | None:
        """Source and channel, for the announcement; None if nothing is left to announce."""
        found = await read(store, object_keys.record(recording), Recording)
        if found is not None:
            return found.source, found.channel
        for held in self._spool.find(recording):
            return held.entry.recording.source, held.entry.recording.channel
        last = await bus.last(EVENTS.name, subjects.recording_events(recording))
        if last is None:
            return None
        with suppress(BadMessage):
            event = decode_event(last.data)
            return event.source, event.channel
        return None

    async def _look_back(self) -> None:
        """What happened while this process did not run: a lost store, erasures elsewhere."""
        store = await self._upstream.store()
        for erasure in self._erasures.done:
            if await tombstone(store, erasure.recording) is None:
                _log.warning("erased again", extra={"recording": erasure.recording})
                await self._perform_again(store, erasure.stone)
        for recording in self._in_spool():
            if stone := await tombstone(store, recording):
                await self._drop_here(stone)

    async def _perform_again(self, store: ObjectStore, stone: Tombstone) -> None:
        """Erase what an old backup brought back."""
        hold = await read(store, object_keys.hold(stone.recording), Hold)
        if hold is not None and hold.since <= stone.time:
            # It had been released, or nothing could have been erased.
            await store.delete(object_keys.hold(stone.recording))
        with suppress(Protected):
            await self._perform(stone)

    def _in_spool(self) -> Iterable[str]:
        held = {each.entry.recording.id for each in self._spool.held}
        put_aside = {each.entry.recording.id for each in self._spool.refusals if each.entry}
        return held | put_aside

    async def _follow(self) -> None:
        """Drop what other nodes say was erased."""
        while True:
            with suppress(Unavailable, StreamReset, OSError):
                bus = await self._upstream.bus()
                async for batch in bus.follow(EVENTS.name, [subjects.DELETED], 1):
                    for message in batch:
                        await self._hear(message.data)
            await asyncio.sleep(_EVERY)

    async def _hear(self, data: bytes) -> None:
        with suppress(BadMessage):
            event = decode(data, Deleted)
            if event.what == "all":
                stone = Tombstone(recording=event.recording, time=event.time, reason=event.reason)
                await self._drop_here(stone)


async def _check_hold(store: ObjectStore, recording: str) -> None:
    """Raises Protected if a hold keeps a recording, StoreUnavailable."""
    hold = await read(store, object_keys.hold(recording), Hold)
    if hold is not None:
        raise Protected(f"{hold.by} has had it kept since {hold.since:%Y-%m-%d}: {hold.why}")


async def _heed_hold(store: ObjectStore, stone: Tombstone) -> None:
    """Raises Protected if a hold keeps a recording, and takes its tombstone back."""
    try:
        await _check_hold(store, stone.recording)
    except Protected:
        await unbury(store, stone)
        raise
