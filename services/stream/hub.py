"""The hub: every event stream of the process, from the one follower to the connections."""

import asyncio
import random
import time
from collections.abc import Callable, Sequence

from services.stream import sse
from services.stream.fanout import Fanout
from services.stream.filters import Wanted
from services.stream.frames import Frames
from services.stream.reader import Reader
from services.stream.sse import EventId
from services.stream.wire import Wire
from shared import telemetry
from shared.bus import StoredMessage
from shared.follow import Follow
from shared.key_set import Ended

_RETRY = (500, 3000)
"""Milliseconds between which readers are told to come back, so that they do not all at once."""
_DRAIN = 1.0
"""Seconds over which the readers' ends are spread when the service stops."""
_AT_ONCE = 50
_JITTER = 0.2

_readers = telemetry.meter.create_up_down_counter(
    "echobase.stream.readers", "{connection}", "Open event streams"
)


class Hub:
    """What every event stream of the process shares."""

    def __init__(
        self,
        follow: Follow,
        stopping: asyncio.Event,
        heartbeat: float,
        *,
        connected: Callable[[], bool],
        rotate: float = 0.0,
        traced: bool = False,
    ) -> None:
        """`heartbeat`: seconds between comments, which say whether the bus is `connected`;
        `rotate`: seconds after which a reader is asked to come back, 0 for never; `traced`: make
        spans."""
        self.follow = follow
        self.frames = Frames(traced)
        self.fanout = Fanout(self.frames)
        self._stopping = stopping
        self._heartbeat = heartbeat
        self._rotate = rotate
        self._connected = connected
        self._readers: dict[Reader, float] = {}
        follow.listen(self)

    @property
    def readers(self) -> int:
        """Event streams that are open now."""
        return len(self._readers)

    async def serve(
        self, wire: Wire, wanted: Wanted, after: EventId | None, ended: asyncio.Future[Ended]
    ) -> None:
        """Send one reader its events, from the moment of the call on, until either of the two ends.

        `ended`: the end of the reader's credential. Returns once everything is written, or the
        connection is lost.
        """
        reader = Reader(self, wire, wanted, after)
        ended.add_done_callback(lambda why: _say_why(reader, why))
        self._readers[reader] = self._ends_at()
        _readers.add(1)
        try:
            reader.tell(self._pulse())
            if self._stopping.is_set():
                reader.end(_retry())
            if not await reader.run():
                wire.abort()
                await reader.lost()
        finally:
            reader.close()
            del self._readers[reader]
            _readers.add(-1)

    async def run(self) -> None:
        """Keep the readers' connections alive; end them when the service stops."""
        while True:
            try:
                async with asyncio.timeout(self._heartbeat):
                    await self._stopping.wait()
                break
            except TimeoutError:
                self._beat(time.monotonic())
        await self._drain()

    def take(self, batch: Sequence[StoredMessage]) -> None:
        """Called by the follower for what came."""
        self.fanout.take(batch)

    def reset(self) -> None:
        """Called by the follower when the stream is another one."""
        self.fanout.begin(self.follow.epoch, self.follow.ring.floor)
        for reader in list(self._readers):
            reader.reset()

    def _beat(self, now: float) -> None:
        pulse = self._pulse()
        for reader, ends_at in list(self._readers.items()):
            if reader.slow_since is not None and now - reader.slow_since > 2 * self._heartbeat:
                reader.cut()
            elif now > ends_at:
                reader.end(_retry())
            else:
                reader.tell(pulse)

    async def _drain(self) -> None:
        readers = list(self._readers)
        for at, reader in enumerate(readers, 1):
            reader.end(_retry())
            if at % _AT_ONCE == 0:
                await asyncio.sleep(_DRAIN * _AT_ONCE / len(readers))

    def _ends_at(self) -> float:
        if not self._rotate:
            return float("inf")
        return time.monotonic() + self._rotate * random.uniform(1 - _JITTER, 1 + _JITTER)  # noqa: S311 - spreads load

    def _pulse(self) -> str:
        return "ok" if self._connected() else "waiting for the message bus"


def _say_why(reader: Reader, ended: asyncio.Future[Ended]) -> None:
    if not ended.cancelled():
        reader.end(sse.ended_frame(ended.result()))


def _retry() -> bytes:
    return sse.retry_frame(random.randint(*_RETRY))  # noqa: S311 - spreads load
