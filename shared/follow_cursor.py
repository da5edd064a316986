"""Where one reader of a followed stream is, and what it is to be handed next."""

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

STRIDE = 128
"""Messages of the ring that are looked through at once for a reader that is behind."""
PAUSE = 0.2
"""Seconds between two attempts at reading while the bus is away."""


@dataclass(frozen=True)
class Gap:
    """Messages are missing here, and why."""

    reason: GapReason


class Followed(Protocol):
    """What a cursor needs of `shared.follow.Follow`."""

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


class Cursor:
    """A place in the stream. Nothing is kept for its reader: it reads the ring, or JetStream."""

    # There are thousands of them.
    __slots__ = (
        "_epoch",
        "_filters",
        "_followed",
        "_from_first",
        "_generation",
        "_wanted",
        "position",
    )

    def __init__(self, followed: Followed, wanted: Wanted, filters: Sequence[str]) -> None:
        """`filters`: subjects that match at least what is wanted."""
        self._followed = followed
        self._wanted = wanted
        self._filters = filters
        self._generation = followed.generation
        self._epoch = followed.epoch
        self.position = followed.last
        """Everything wanted up to here has been handed over, or is not wanted at all."""
        self._from_first = False

    @property
    def epoch(self) -> str:
        """The epoch of what was handed over last."""
        return self._epoch

    @property
    def outdated(self) -> bool:
        """Whether the stream is another one since, which the next step will say by a gap."""
        return self._generation != self._followed.generation

    @property
    def at_end(self) -> bool:
        """Whether everything that the ring holds has been handed over, and nothing else."""
        return not self.outdated and self.position == self._followed.ring.last

    @property
    def ahead(self) -> bool:
        """Whether it waits for what has not come here yet, but elsewhere."""
        return not self.outdated and self.position > self._followed.ring.last

    async def begin(self, after: int | None, epoch: str | None) -> list[Gap]:
        """Set out from a position; see `Follow.subscribe`."""
        if after is None:
            return []
        if epoch not in (None, self._followed.epoch):
            # A stream that was made anew is young, and none of what it holds is known there.
            self.position, self._from_first = 0, True
            return [Gap("unknown-epoch")]
        if after > self._followed.last and after > await self._end():
            return [Gap("beyond-the-end")]
        self.position = after
        self._from_first = after == 0
        return []

    async def next(self) -> Sequence[StoredMessage | Gap]:
        """What to hand over next; nothing once the ring's end is reached."""
        while True:
            if self.outdated:
                self._generation = self._followed.generation
                self._epoch = self._followed.epoch
                self.position = self._followed.ring.floor
                return [Gap("stream-reset")]
            if self.position < self._followed.ring.floor:
                if items := await self._from_stream():
                    return items
                continue
            batch = self._followed.ring.after(self.position, STRIDE)
            if not batch:
                return []
            self.position = batch[-1].sequence
            if found := [message for message in batch if self._wanted(message)]:
                return found
            await asyncio.sleep(0)

    async def _from_stream(self) -> Sequence[StoredMessage | Gap]:
        """The next page of what JetStream holds; the ring takes over from its floor on."""
        floor = self._followed.ring.floor
        try:
            async with self._followed.replays:
                state = await self._followed.bus.state(self._followed.stream)
                if state.epoch != self._followed.epoch:
                    raise BusUnavailable("not seen yet that the stream is another one")
                if self._aged_out(state.first):
                    return [Gap("aged-out")]
                page = await self._page()
        except BusUnavailable:
            await asyncio.sleep(PAUSE)
            return []
        if self._generation != self._followed.generation:
            return []
        self.position = page[-1].sequence if page else max(self.position, floor)
        return [message for message in page if self._wanted(message)]

    def _aged_out(self, first: int) -> bool:
        """Whether messages after the position are gone; goes on with those that are not."""
        gone = self.position + 1 < first
        missed = gone and not self._from_first
        if gone:
            self.position = first - 1
        self._from_first = False
        return missed

    async def _page(self) -> Sequence[StoredMessage]:
        followed = self._followed
        pages = followed.bus.read(followed.stream, self._filters, self.position + 1)
        async with aclosing(pages):
            async for page in pages:
                return page
        return ()

    async def _end(self) -> int:
        """The stream's end by the bus's word: another process may have seen more than we have."""
        while True:
            try:
                return (await self._followed.bus.state(self._followed.stream)).last
            except BusUnavailable:
                await asyncio.sleep(PAUSE)
