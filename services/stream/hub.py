"""The hub: from the process's one follower to the frames that each reader is sent."""

import asyncio
import random
from collections import OrderedDict
from collections.abc import AsyncGenerator, Callable

from opentelemetry.trace import SpanKind

from services.stream import sse
from services.stream.filters import Filters
from services.stream.sse import EventId
from shared import telemetry
from shared.bus import StoredMessage
from shared.envelope import trace_context
from shared.follow import Follow, Gap

_FRAMES_KEPT = 1024
_RETRY = (500, 3000)
"""Milliseconds between which readers are told to come back, so that they do not all at once."""

_readers = telemetry.meter.create_up_down_counter(
    "echobase.stream.readers", "{connection}", "Open event streams"
)


class Hub:
    """What every event stream of the process shares.

    Memory per reader is bounded by the follower: one that is too slow ends with Overrun.
    """

    def __init__(
        self,
        follow: Follow,
        stopping: asyncio.Event,
        heartbeat: float,
        *,
        connected: Callable[[], bool],
        traced: bool = False,
    ) -> None:
        """`heartbeat`: seconds between comments on a quiet stream, which say whether the bus is
        `connected`; `traced`: make spans."""
        self._follow = follow
        self._stopping = stopping
        self._heartbeat = heartbeat
        self._connected = connected
        self._frames = Frames(traced)
        self.readers = 0
        """Event streams that are open now."""

    @property
    def patience(self) -> float:
        """Seconds that one write to a reader may take."""
        return 2 * self._heartbeat

    async def frames(self, filters: Filters, after: EventId | None) -> AsyncGenerator[bytes, None]:
        """What one reader is sent, piece by piece, until the service stops.

        Without `after` it begins with what comes next, or, where recordings are named, with their
        first event. Raises Overrun if the reader is too slow.
        """
        stopping = asyncio.ensure_future(self._stopping.wait())
        pieces = self._pieces(filters, after)
        piece: asyncio.Future[bytes] | None = asyncio.ensure_future(anext(pieces))
        # Its first step subscribes: whatever comes after the first frame is sent for certain.
        await asyncio.sleep(0)
        self._count(1)
        try:
            yield self._pulse()
            while not stopping.done():
                piece = piece or asyncio.ensure_future(anext(pieces))
                done, _ = await asyncio.wait(
                    {piece, stopping},
                    timeout=self._heartbeat,
                    return_when=asyncio.FIRST_COMPLETED,
                )
                if piece in done:
                    ready, piece = piece.result(), None
                    yield ready
                elif not done:
                    yield self._pulse()
            yield sse.retry_frame(random.randint(*_RETRY))  # noqa: S311 - spreads load
        finally:
            self._count(-1)
            stopping.cancel()
            if piece:
                piece.cancel()
                await asyncio.gather(piece, return_exceptions=True)
            await pieces.aclose()

    async def _pieces(self, filters: Filters, after: EventId | None) -> AsyncGenerator[bytes, None]:
        subscription = self._follow.subscribe(
            filters.wants,
            after.sequence if after else (0 if filters.recordings else None),
            filters.subjects(),
            epoch=after.epoch if after else None,
        )
        epoch = ""
        async for item in subscription:
            if isinstance(item, Gap):
                epoch = ""
                yield sse.gap_frame(item.reason)
                continue
            # What waits for a reader is of the epoch that its last gap began.
            epoch = epoch or self._follow.epoch
            yield self._frames.of(epoch, item, self.readers)

    def _pulse(self) -> bytes:
        return sse.comment_frame("ok" if self._connected() else "waiting for the message bus")

    def _count(self, change: int) -> None:
        self.readers += change
        _readers.add(change)


class Frames:
    """The latest events' frames, so that each is encoded once for all its readers."""

    def __init__(self, traced: bool, most: int = _FRAMES_KEPT) -> None:
        """`traced`: make a span for each; `most`: frames that are kept."""
        self._most = most
        self._kept: OrderedDict[tuple[str, int], bytes] = OrderedDict()
        self._traced = traced
        self._last_traced = ("", 0)

    def of(self, epoch: str, message: StoredMessage, readers: int) -> bytes:
        """The frame of an event, about to be sent to one of so many readers."""
        key = (epoch, message.sequence)
        if frame := self._kept.get(key):
            return frame
        if self._traced and self._is_new(key):
            frame = self._encode_traced(epoch, message, readers)
        else:
            frame = sse.event_frame(epoch, message)
        self._kept[key] = frame
        if len(self._kept) > self._most:
            self._kept.popitem(last=False)
        return frame

    def _is_new(self, key: tuple[str, int]) -> bool:
        """Whether the event is fanned out for the first time: a replay is not traced again."""
        known_epoch, known = self._last_traced
        if key[0] == known_epoch and key[1] <= known:
            return False
        self._last_traced = key
        return True

    def _encode_traced(self, epoch: str, message: StoredMessage, readers: int) -> bytes:
        with telemetry.tracer.start_as_current_span(
            f"fan out {telemetry.template(message.subject)}",
            context=trace_context(message.headers),
            kind=SpanKind.PRODUCER,
            attributes={
                "messaging.operation.name": "fan out",
                "messaging.destination.name": message.subject,
                "echobase.readers": readers,
            },
        ):
            return sse.event_frame(epoch, message)
