"""One reader: behind, then live, then behind again if it is slow, and at last at its end."""

import asyncio
import time
from collections.abc import Awaitable, Sequence
from typing import Protocol, TypeVar

from services.stream import sse
from services.stream.fanout import Fanout
from services.stream.filters import Wanted
from services.stream.frames import Frames
from services.stream.sse import EventId
from services.stream.wire import HIGH_WATER, Wire, nobody
from shared.bus import StoredMessage
from shared.follow import Cursor, Follow, Gap

T = TypeVar("T")


class Shared(Protocol):
    """What readers have in common."""

    follow: Follow
    fanout: Fanout
    frames: Frames


class Reader:
    """Sends one connection its events. It keeps no event, but a place in the ring."""

    # There are thousands of them.
    __slots__ = (
        "_after",
        "_cut",
        "_live",
        "_shared",
        "_waiter",
        "_wanted",
        "_wire",
        "last_words",
        "slow_since",
    )

    def __init__(self, shared: Shared, wire: Wire, wanted: Wanted, after: EventId | None) -> None:
        """Without `after` it begins with what comes next, or with the first event that there is
        where recordings are named."""
        self._shared = shared
        self._wire = wire
        self._wanted = wanted
        self._after = after
        self._waiter: asyncio.Future[None] | None = None
        self._live: Cursor | None = None
        self._cut = False
        self.last_words: bytes | None = None
        """What it is sent at its end, once that is decided; it then takes nothing more."""
        self.slow_since: float | None = None
        """Since when it has not been writable, on the monotonic clock; None if it is."""
        wire.notify = self._changed

    def end(self, last_words: bytes) -> None:
        """Let `run` return, after a last frame."""
        self.last_words = self.last_words or last_words
        self._changed()

    def cut(self) -> None:
        """Let `run` return at once; whatever waits for the reader is lost, and it can resume."""
        self._cut = True
        self._changed()

    def reset(self) -> None:
        """The stream is another one."""
        self._leave()
        self._changed()

    def close(self) -> None:
        """Let go of the wire."""
        self._leave()
        self._wire.notify = nobody

    def tell(self, text: str) -> None:
        """Send a comment, unless it is slow."""
        if self._wire.writable:
            self._wire.write(self._wire.framing(sse.comment_frame(text)))

    async def run(self) -> bool:
        """Send until the connection is lost or `end` is called.

        Whether the reader was there to the end; if not, what waits for it is to be thrown away.
        """
        if not self._shared.follow.epoch:
            await self._unless_over(self._shared.follow.known())
        if not self._over:
            await self._run()
        if self._cut or not self._wire.writable or self.last_words is None:
            return False
        self._wire.write(self._wire.framing(self.last_words))
        return True

    async def lost(self) -> None:
        """Wait until the connection is gone."""
        while not self._wire.lost:
            await self._change()

    async def _run(self) -> None:
        follow = self._shared.follow
        cursor = follow.cursor(self._wanted.takes, self._wanted.subjects())
        await self._send(self._pieces(await self._unless_over(self._begin(cursor)), cursor))
        while not self._over:
            arrival = follow.arrival
            if pieces := self._pieces(await self._unless_over(cursor.next()), cursor):
                await self._send(pieces)
            elif cursor.at_end:
                await self._follow_live(cursor)
            elif cursor.ahead:
                # Another replica has shown it what has not come here yet.
                await self._unless_over(arrival.wait())

    @property
    def _over(self) -> bool:
        return self._cut or self.last_words is not None or self._wire.lost

    def _begin(self, cursor: Cursor) -> Awaitable[list[Gap]]:
        if self._after:
            return cursor.begin(self._after.sequence, self._after.epoch)
        return cursor.begin(0 if self._wanted.from_the_first else None, None)

    async def _follow_live(self, cursor: Cursor) -> None:
        """Take what comes until something changes; then be behind again."""
        self._shared.fanout.join(self._wanted, self._wire)
        self._live = cursor
        while self._live and not self._over and not cursor.outdated:
            await self._change()
        self._leave()
        await self._until_writable()

    def _pieces(self, items: Sequence[StoredMessage | Gap] | None, cursor: Cursor) -> list[bytes]:
        """The frames, joined. Nothing else is kept of the items while a slow reader takes them: as
        events, a page that was read of JetStream is several times as large."""
        found, some, size = list[bytes](), list[bytes](), 0
        for item in items or ():
            some.append(self._frame(cursor.epoch, item))
            size += len(some[-1])
            if size >= HIGH_WATER:
                found.append(b"".join(some))
                some, size = [], 0
        return [*found, b"".join(some)] if some else found

    async def _send(self, pieces: list[bytes]) -> None:
        """Write each once the one before has left."""
        while pieces and not self._over:
            self._wire.write(self._wire.framing(pieces.pop(0)))
            await self._until_writable()

    def _frame(self, epoch: str, item: StoredMessage | Gap) -> bytes:
        if isinstance(item, Gap):
            return sse.gap_frame(item.reason)
        return self._shared.frames.of(epoch, item, self._shared.fanout.readers)

    async def _until_writable(self) -> None:
        while not self._wire.writable and not self._over:
            await self._change()

    async def _change(self) -> None:
        self._waiter = asyncio.get_running_loop().create_future()
        await self._waiter

    def _changed(self) -> None:
        if self._wire.writable:
            self.slow_since = None
        else:
            self.slow_since = self.slow_since or time.monotonic()
            self._leave()
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def _leave(self) -> None:
        if self._live:
            # At once: what is written to the others from now on, it has not been sent.
            self._live.position = self._shared.fanout.flushed
            self._live = None
            self._shared.fanout.leave(self._wanted, self._wire)

    async def _unless_over(self, work: Awaitable[T]) -> T | None:
        """What comes of the work; None if the reader's end comes first."""
        doing = asyncio.ensure_future(work)
        while not doing.done() and not self._over:
            self._waiter = asyncio.get_running_loop().create_future()
            doing.add_done_callback(lambda _, waiter=self._waiter: _wake(waiter))
            await self._waiter
        if doing.done() and not doing.cancelled():
            return doing.result()
        doing.cancel()
        await asyncio.gather(doing, return_exceptions=True)
        return None


def _wake(waiter: asyncio.Future[None]) -> None:
    if not waiter.done():
        waiter.set_result(None)
