"""Numbered events, published in pieces by turns of several recordings."""

from collections.abc import Iterable
from datetime import UTC, datetime

from shared.bus import Bus
from shared.messages import Segment
from shared.object_store import ObjectStore
from shared.writer import VersionWriter
from tests.support.calls import Call

SOURCE = "county"
CHANNELS = 10
PIECE = 50
"""Events that are published at once, all of one recording."""
_RECORDINGS = 50
_TEXT = "Engine seven and ladder two respond to a structure fire at one four one two main street"


def channel_of(number: int) -> str:
    """Of an event's number, which counts from 1."""
    return f"fire-{(number - 1) // PIECE % CHANNELS}"


def of_channel(channel: str, last: int) -> Iterable[int]:
    """The numbers up to the last that are of a channel."""
    return (number for number in range(1, last + 1) if channel_of(number) == channel)


class Publisher:
    """Publishes the events 1, 2, 3 … in that order."""

    def __init__(self, bus: Bus) -> None:
        self.last = 0
        """Number of the latest."""
        self._bus = bus
        self._calls = [Call(bus, SOURCE, f"fire-{n % CHANNELS}") for n in range(_RECORDINGS)]
        self._writers = [each.writer for each in self._calls]

    async def prepare(self, store: ObjectStore) -> None:
        """Store what there is of the recordings before their words are known."""
        for call in self._calls:
            await call.store_recording(store)
            await call.store_request(store)

    async def piece(self) -> None:
        """Publish the next few."""
        turn = self.last // PIECE % _RECORDINGS
        call, first = self._calls[turn], self.last + 1
        await self._writers[turn].publish_all(
            [_segment(call, number) for number in range(first, first + PIECE)]
        )
        self.last += PIECE

    def begin_anew(self) -> None:
        """The stream was made again: nothing is stored of any recording."""
        self._writers = [
            VersionWriter(self._bus, SOURCE, each.channel, each.recording, each.version)
            for each in self._calls
        ]


def _segment(call: Call, number: int) -> Segment:
    return Segment(
        recording=call.recording,
        version=call.version,
        source=call.source,
        channel=call.channel,
        time=datetime.now(UTC),
        index=number,
        chunk=number,
        start=float(number),
        end=number + 0.9,
        text=_TEXT,
        confidence=0.93,
    )
