"""One ordered consumer per process, and any number of readers of it (guarantees 6 and 7).

`Follow.run` keeps the stream's latest messages in one ring, and each reader is a place in it
(`Cursor`): nothing is kept for a reader that is slow. What the ring no longer holds is read from
JetStream. Who wants each batch the moment it comes, listens (`Listener`).
"""

import asyncio
import logging
from collections.abc import AsyncGenerator, Sequence
from typing import Protocol

from shared.bus import Bus, StoredMessage, StreamReset, StreamState
from shared.errors import BusUnavailable
from shared.follow_cursor import Cursor, Gap, GapReason, Wanted
from shared.of_recording import deleted_recording
from shared.ring import Ring

__all__ = ["Cursor", "Follow", "Gap", "GapReason", "Listener", "Wanted"]

log = logging.getLogger(__name__)

FIRST_PAUSE = 0.05
LONGEST_PAUSE = 2.0


class Listener(Protocol):
    """Told at once what the ring was given."""

    def take(self, batch: Sequence[StoredMessage]) -> None:
        """These came, and are in the ring."""
        ...

    def reset(self) -> None:
        """The stream is another one: whoever was at the ring's end is so no more."""
        ...


class Follow:
    """The hub between one stream and a process's readers."""

    def __init__(
        self,
        bus: Bus,
        stream: str = "EVENTS",
        subjects: Sequence[str] = ("echobase.events.>",),
        ring: int = 20_000,
        replays: int = 8,
    ) -> None:
        """`ring`: messages kept in memory. `replays`: how many reads of JetStream may run at
        once."""
        self.bus = bus
        self.stream = stream
        self.replays = asyncio.Semaphore(replays)
        self._subjects = list(subjects)
        self._capacity = ring
        self._ring = Ring(ring, floor=0)
        self._generation = 0
        self._epoch = ""
        self._end = 0
        self._listeners: list[Listener] = []
        self._arrival = asyncio.Event()
        self._waiting = 0
        self._known = asyncio.Event()

    @property
    def epoch(self) -> str:
        """The stream's epoch; empty until the bus has answered for the first time."""
        return self._epoch

    @property
    def last(self) -> int:
        """Sequence of the latest message of the stream that is known here."""
        return max(self._end, self._ring.last)

    @property
    def ring(self) -> Ring:
        """The latest messages."""
        return self._ring

    @property
    def generation(self) -> int:
        """How often the stream was found to be another one, the first time included."""
        return self._generation

    @property
    def waiting(self) -> int:
        """How many readers have caught up and wait for what comes."""
        return self._waiting

    @property
    def arrival(self) -> asyncio.Event:
        """Set when the ring changes next; take it before looking at the ring."""
        return self._arrival

    async def known(self) -> None:
        """Wait until the bus has answered for the first time."""
        await self._known.wait()

    async def run(self) -> None:
        """Follow for ever; a broker that is away is waited for."""
        pause = FIRST_PAUSE
        while True:
            try:
                self._open(await self.bus.state(self.stream))
                start = self._ring.last + 1
                async for batch in self.bus.follow(self.stream, self._subjects, start, self._epoch):
                    pause = FIRST_PAUSE
                    self._take(batch)
            except StreamReset as reset:
                log.warning("%s: readers are told of a gap", reset)
            except BusUnavailable as error:
                log.debug("following %s: %s", self.stream, error)
            await asyncio.sleep(pause)
            pause = min(LONGEST_PAUSE, pause * 2)

    def listen(self, listener: Listener) -> None:
        """Tell it of each batch from now on."""
        self._listeners.append(listener)

    def cursor(self, wanted: Wanted, filters: Sequence[str]) -> Cursor:
        """A place at the ring's end. `filters`: subjects that match at least what is wanted."""
        return Cursor(self, wanted, filters)

    async def subscribe(
        self,
        wanted: Wanted,
        after: int | None = None,
        replay_filters: Sequence[str] = ("echobase.events.>",),
        epoch: str | None = None,
    ) -> AsyncGenerator[StoredMessage | Gap]:
        """What is wanted of the stream after a sequence, then everything wanted as it comes.

        `after` None: only what comes from now on. 0: from the first that there is, whatever has
        aged out. Otherwise a sequence that the reader has seen in `epoch` (None: this one); where
        going on from it is not possible without a loss, a Gap says so first. `replay_filters` are
        subjects that match at least what is wanted.
        """
        await self._known.wait()
        cursor = self.cursor(wanted, replay_filters)
        for gap in await cursor.begin(after, epoch):
            yield gap
        while True:
            arrival = self._arrival
            items = await cursor.next()
            for item in items:
                yield item
            if not items:
                self._waiting += 1
                try:
                    await arrival.wait()
                finally:
                    self._waiting -= 1

    def _open(self, state: StreamState) -> None:
        """Begin with the stream, go on with it, or begin anew if it is another one."""
        if not self._epoch:
            self._begin(state, max(0, state.first - 1, state.last - self._capacity))
        elif state.epoch != self._epoch:
            self._begin(state, 0)
        elif state.last < self._ring.last:
            # A server that lost its latest messages with its power: what is stored from now on
            # has sequences that stood for other messages before.
            self._begin(state, state.last)
        self._end = max(self._end, state.last)
        self._known.set()

    def _begin(self, state: StreamState, floor: int) -> None:
        self._generation += 1
        self._epoch = state.epoch
        self._end = 0
        self._ring = Ring(self._capacity, floor)
        for listener in self._listeners:
            listener.reset()
        self._wake()

    def _forget(self, batch: Sequence[StoredMessage]) -> None:
        """What was erased is handed out to nobody any more."""
        for message in batch:
            if (recording := deleted_recording(message.subject, message.data)) is not None:
                mark = f".{recording}."
                self._ring.drop(lambda m, end=message.sequence, mark=mark: _is_of(m, mark, end))

    def _take(self, batch: Sequence[StoredMessage]) -> None:
        self._ring.extend(batch)
        self._forget(batch)
        for listener in self._listeners:
            listener.take(batch)
        self._wake()

    def _wake(self) -> None:
        # Whoever took this event before it looked at the ring misses nothing by waiting for it.
        self._arrival.set()
        self._arrival = asyncio.Event()


def _is_of(message: StoredMessage, mark: str, end: int) -> bool:
    return message.sequence < end and mark in message.subject
