"""One reader of a followed stream: behind, then live."""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import Literal, Protocol

from shared.bus import Bus, StoredMessage
from shared.errors import BusUnavailable
from shared.ring import Ring

Wanted = Callable[[StoredMessage], bool]
GapReason = Literal["aged-out", "unknown-epoch", "beyond-the-end", "stream-reset"]

STRIDE = 256
"""Messages of the ring that are looked through at once for a reader that is behind."""
PAUSE = 0.2
"""Seconds between two attempts at reading while the bus is away."""
OVERHEAD = 200
"""Bytes that a waiting message takes besides its payload."""


@dataclass(frozen=True)
class Gap:
    """Messages are missing here, and why."""

    reason: GapReason


class Overrun(Exception):
    """The reader was too slow: more bytes wait for it than are allowed."""


class Hub(Protocol):
    """What a reader needs of `shared.follow.Follow`."""

    bus: Bus
    stream: str
    replays: asyncio.Semaphore

    @property
    def epoch(self) -> str: ...
    @property
    def last(self) -> int: ...
    @property
    def ring(self) -> Ring: ...
    @property
    def generation(self) -> int: ...
    def join(self, reader: "Reader") -> None: ...
    def leave(self, reader: "Reader") -> None: ...


class Reader:
    """Where one reader is, and what waits for it."""

    def __init__(self, hub: Hub, wanted: Wanted, filters: Sequence[str], limit: int) -> None:
        self._hub = hub
        self._wanted = wanted
        self._filters = filters
        self._limit = limit
        self._generation = hub.generation
        self._position = hub.last
        """Everything wanted up to here has been handed over, or is not wanted at all."""
        self._from_first = False
        self._live = False
        self._waiting: list[StoredMessage] = []
        self._bytes = 0
        self._overrun = False
        self._woken = asyncio.Event()

    async def begin(self, after: int | None, epoch: str | None) -> list[Gap]:
        """Set out from a position; see `Follow.subscribe`."""
        if after is None:
            return []
        if epoch not in (None, self._hub.epoch):
            # A stream that was made anew is young, and none of what it holds is known there.
            self._position, self._from_first = 0, True
            return [Gap("unknown-epoch")]
        if after > self._hub.last and after > await self._end():
            return [Gap("beyond-the-end")]
        self._position = after
        self._from_first = after == 0
        return []

    async def next(self) -> Sequence[StoredMessage | Gap]:
        """What to hand over next; waits until there is something. Raises Overrun."""
        while True:
            if self._live or self._waiting or self._overrun:
                if items := await self._arrivals():
                    return items
            elif self._generation != self._hub.generation:
                self._generation = self._hub.generation
                self._position = self._hub.ring.floor
                return [Gap("stream-reset")]
            elif self._position >= self._hub.ring.floor:
                if found := await self._from_ring():
                    return found
            elif items := await self._from_stream():
                return items

    def offer(self, batch: Sequence[StoredMessage]) -> None:
        """Called by the hub for each batch that comes while the reader is live."""
        for message in batch:
            if message.sequence > self._position and self._wanted(message):
                self._waiting.append(message)
                self._bytes += len(message.data) + OVERHEAD
        if self._bytes > self._limit:
            self._overrun = True
            self._waiting.clear()
            self._hub.leave(self)
        if self._waiting or self._overrun:
            self._woken.set()

    def wake(self) -> None:
        """Called by the hub when the stream is another one."""
        self._live = False
        self._woken.set()

    async def _arrivals(self) -> list[StoredMessage]:
        await self._woken.wait()
        self._woken.clear()
        if self._overrun:
            raise Overrun(f"more than {self._limit} bytes wait")
        taken, self._waiting, self._bytes = self._waiting, [], 0
        return taken

    async def _from_ring(self) -> list[StoredMessage]:
        batch = self._hub.ring.after(self._position, STRIDE)
        if not batch:
            self._live = True
            self._hub.join(self)
            return []
        self._position = batch[-1].sequence
        found = [message for message in batch if self._wanted(message)]
        if not found:
            await asyncio.sleep(0)
        return found

    async def _from_stream(self) -> Sequence[StoredMessage | Gap]:
        """The next page of what JetStream holds; the ring takes over from its floor on."""
        floor = self._hub.ring.floor
        try:
            async with self._hub.replays:
                state = await self._hub.bus.state(self._hub.stream)
                if state.epoch != self._hub.epoch:
                    raise BusUnavailable("the hub has not seen yet that the stream is another one")
                if self._aged_out(state.first):
                    return [Gap("aged-out")]
                page = await self._page()
        except BusUnavailable:
            await asyncio.sleep(PAUSE)
            return []
        if self._generation != self._hub.generation:
            return []
        self._position = page[-1].sequence if page else max(self._position, floor)
        return [message for message in page if self._wanted(message)]

    def _aged_out(self, first: int) -> bool:
        """Whether messages after the position are gone; goes on with those that are not."""
        gone = self._position + 1 < first
        missed = gone and not self._from_first
        if gone:
            self._position = first - 1
        self._from_first = False
        return missed

    async def _page(self) -> Sequence[StoredMessage]:
        pages = self._hub.bus.read(self._hub.stream, self._filters, self._position + 1)
        async with aclosing(pages):
            async for page in pages:
                return page
        return ()

    async def _end(self) -> int:
        """The stream's end by the bus's word: another process may have seen more than we have."""
        while True:
            try:
                return (await self._hub.bus.state(self._hub.stream)).last
            except BusUnavailable:
                await asyncio.sleep(PAUSE)
