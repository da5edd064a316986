"""Moves entries from the spool to store and bus, several at a time, for ever."""

import asyncio
import heapq
import itertools
import logging
import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from opentelemetry import propagate
from opentelemetry.context import Context

from services.ingest.delivery import fail, store_audio
from services.ingest.entry import Held, Refused
from services.ingest.forward_queue import ForwardQueue, Outage, wait
from services.ingest.scrub import sweep
from services.ingest.spool import Spool
from services.ingest.upstream import Upstream
from shared import log
from shared.erasure import Tombstone, lives_again, tombstone
from shared.errors import CannotSucceed, StoreUnavailable, Unavailable
from shared.telemetry import tracer

WIDTH = 8
"""Entries that are forwarded at a time."""
_POLITE = 0.25
"""Part of the grace that entries in hand have when the service ends; they stay in the spool."""
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Backlog:
    """What waits to be forwarded."""

    count: int
    size: int
    """Bytes."""
    age: float
    """Seconds since the oldest was received; 0 if none waits."""


class Forwarder:
    """The only one who moves entries on."""

    def __init__(
        self,
        spool: Spool,
        upstream: Upstream,
        keep: float,
        pace: Callable[[int, float], float] = wait,
        erasing: Callable[[str], bool] = lambda _: False,
    ) -> None:
        """`keep`: seconds for which a forwarded entry stays in the spool. `pace`: as `wait`.
        `erasing`: whether a recording's erasure is still to be carried out."""
        self._spool = spool
        self._upstream = upstream
        self._keep = timedelta(seconds=keep)
        self._pace = pace
        self._erasing = erasing
        self._queue = ForwardQueue()
        self._outage = Outage()
        self._kept: list[tuple[datetime, int, Held]] = []
        self._ticket = itertools.count()
        self._running: set[asyncio.Task[None]] = set()
        self._changed = asyncio.Event()

    def add(self, held: Held) -> None:
        """Forward an accepted entry."""
        self._queue.add(held)
        self._changed.set()

    def hurry(self) -> None:
        """Give every entry its turn now: somebody saw that store and bus are there again."""
        self._queue.wake()
        self._changed.set()

    async def settle(self, held: Held, patience: float) -> None:
        """Wait until the entry's version is known, or cannot be soon, or `patience` seconds."""
        if self._outage.failures and held.attempts == 0:
            patience = 0.0
        try:
            async with asyncio.timeout(patience):
                await held.settled.wait()
        except TimeoutError:
            return

    def backlog(self) -> Backlog:
        """What waits, what is in hand included."""
        waiting = [held for held in self._spool.held if held.waiting]
        if not waiting:
            return Backlog(0, 0, 0.0)
        oldest = min(held.entry.asked for held in waiting)
        age = (datetime.now(UTC) - oldest).total_seconds()
        return Backlog(len(waiting), sum(held.size for held in waiting), max(0.0, age))

    async def run(self, stopping: asyncio.Event, grace: float) -> None:
        """Forward what the spool holds and what is added, until `stopping`."""
        for held in self._spool.held:
            if held.forwarded is not None:
                self._keep_until(held, held.forwarded)
            elif held.waiting:
                self._queue.add(held)
        watch = asyncio.create_task(self._watch(stopping))
        try:
            while not stopping.is_set():
                self._changed.clear()
                self._start()
                await self._remove_kept()
                await self._wait()
        finally:
            watch.cancel()
            await self._end(grace * _POLITE)

    async def _watch(self, stopping: asyncio.Event) -> None:
        await stopping.wait()
        self._changed.set()

    def _start(self) -> None:
        width = 1 if self._outage.lasting else WIDTH
        now = asyncio.get_running_loop().time()
        while len(self._running) < width and (held := self._queue.next(now)) is not None:
            task = asyncio.create_task(self._forward(held))
            self._running.add(task)
            task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._running.discard(task)
        self._changed.set()

    async def _wait(self) -> None:
        now = asyncio.get_running_loop().time()
        due = self._queue.next_time()
        waits = [60.0] if due is None else [due - now]
        if self._kept:
            waits.append((self._kept[0][0] - datetime.now(UTC)).total_seconds())
        try:
            async with asyncio.timeout(max(0.0, min(waits))):
                await self._changed.wait()
        except TimeoutError:
            return

    def _keep_until(self, held: Held, forwarded: datetime) -> None:
        heapq.heappush(self._kept, (forwarded + self._keep, next(self._ticket), held))

    async def _remove_kept(self) -> None:
        while self._kept and self._kept[0][0] <= datetime.now(UTC):
            held = heapq.heappop(self._kept)[2]
            try:
                await self._spool.remove(held)
            except OSError as error:
                # The next start tries again; until then it only takes room.
                _log.error("an entry cannot be removed", extra={"error": str(error)})

    async def _end(self, patience: float) -> None:
        if self._running:
            _, late = await asyncio.wait(self._running, timeout=patience)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)

    async def _forward(self, held: Held) -> None:
        entry = held.entry
        context = propagate.extract(entry.trace, context=Context())
        with (
            log.bind(recording=entry.recording.id),
            tracer.start_as_current_span("forward recording", context=context) as span,
        ):
            try:
                await self._deliver(held)
            except Unavailable as error:
                self._away(held, error)
            except CannotSucceed as error:
                await self._refuse(held, error)
            except Exception as error:  # noqa: BLE001 - an entry is never lost to a fault of ours
                span.record_exception(error)
                _log.exception("forwarding failed", exc_info=error)
                self._later(held, error)
            else:
                self._answered()

    async def _deliver(self, held: Held) -> None:
        entry = held.entry
        store = await self._upstream.store()
        if self._erasing(entry.recording.id):
            raise StoreUnavailable("The recording's erasure is under way.")
        stone = await tombstone(store, entry.recording.id)
        if await self._erased(held, stone):
            return
        audio = self._spool.audio(held)
        anew = stone is not None
        claimed = await store_audio(store, entry, audio, anew=anew)
        held.claimed(claimed.version, known=not claimed.ours)
        delivery = await self._upstream.delivery()
        marker = await delivery.publish(entry, claimed, anew=anew)
        # Whoever erased it meanwhile may not have seen what was just stored.
        if await self._erased(held, await tombstone(store, entry.recording.id)):
            return
        await self._spool.forwarded(held, marker)
        self._keep_until(held, marker.time)
        _log.info(
            "forwarded",
            extra={"version": claimed.version, "lane": entry.lane, "known": not claimed.ours},
        )

    async def _erased(self, held: Held, stone: Tombstone | None) -> bool:
        """Whether the recording was erased after the entry was sent; then nothing is left of it."""
        entry = held.entry
        if stone is None or stone.time < entry.since:
            # Another version of what is no longer there is not to be had, whenever it is asked for.
            if stone is None or entry.ordered is None:
                return False
            if await lives_again(await self._upstream.store(), stone):
                return False
        await sweep(await self._upstream.store(), await self._upstream.bus(), stone)
        await self._spool.forget(entry.recording.id, max(stone.time, entry.since))
        _log.info("not forwarded: the recording was erased")
        held.settled.set()
        return True

    async def _refuse(self, held: Held, error: CannotSucceed) -> None:
        why = Refused(code=error.code, reason=str(error), time=datetime.now(UTC))
        try:
            # First, since whoever waits for it could not learn of it later. Others have a version
            # that was there before, and finish it.
            if not held.known:
                await fail(await self._upstream.bus(), held.entry, held.version, why)
            await self._spool.refuse(held, why)
        except Unavailable as trouble:
            self._away(held, trouble)
            return
        except OSError as trouble:
            self._later(held, trouble)
            return
        _log.error("refused for good", extra={"code": error.code, "error": str(error)})
        self._answered()

    def _away(self, held: Held, error: Unavailable) -> None:
        lasted = self._outage.lasting
        self._outage = self._outage.failed()
        self._upstream.doubt()
        if self._outage.lasting and not lasted:
            _log.warning("recordings wait in the spool", extra={"error": str(error)})
        self._later(held, error)

    def _answered(self) -> None:
        if self._outage.lasting:
            _log.info("recordings leave the spool again", extra={"waiting": len(self._queue)})
            self._queue.wake()
        self._outage = self._outage.answered()

    def _later(self, held: Held, error: Exception) -> None:
        held.attempts += 1
        held.error = str(error) or type(error).__name__
        held.settled.set()
        pause = self._pace(held.attempts, random.random())  # noqa: S311 - no secret
        self._queue.add_later(held, asyncio.get_running_loop().time() + pause)
