"""A version's writer is the only one, and knows its own messages again."""

import asyncio
from collections.abc import Sequence

import pytest

from shared.bus import Fence, Message, Published
from shared.errors import BusUnavailable, FenceLost
from shared.memory_bus import MemoryBus
from shared.topology import topology
from shared.version_state import read_version
from shared.writer import VersionWriter
from tests.support.events import RECORDING, completed, queued, segment, started


class LossyBus(MemoryBus):
    """Stores what it is given, and loses as many of its answers as it is told."""

    def __init__(self) -> None:
        super().__init__()
        self.lose = 0

    async def publish(self, message: Message, fence: Fence | None = None) -> Published:
        published = await super().publish(message, fence)
        self._answer()
        return published

    async def publish_batch(self, messages: Sequence[Message], fence: Fence) -> int:
        sequence = await super().publish_batch(messages, fence)
        self._answer()
        return sequence

    def _answer(self) -> None:
        if self.lose:
            self.lose -= 1
            raise BusUnavailable("the answer was lost")


@pytest.fixture
async def bus() -> LossyBus:
    bus = LossyBus()
    await bus.ensure(topology())
    return bus


def writer(bus: MemoryBus, last: int = 0, patience: float | None = 10) -> VersionWriter:
    return VersionWriter(bus, "county", "fire 1", RECORDING, 1, last, patience)


async def stored(bus: MemoryBus) -> list[str]:
    batches = [batch async for batch in bus.read("EVENTS", ["echobase.events.>"])]
    return [message.subject.rpartition(".")[2] for batch in batches for message in batch]


async def test_a_writer_writes_one_after_another(bus: LossyBus) -> None:
    mine = writer(bus)
    assert await mine.publish(queued()) == 1
    assert await mine.publish_all([started(), segment(0)]) == 3
    assert await mine.publish_all([]) == 3
    assert mine.last_sequence == 3
    assert await stored(bus) == ["queued", "started", "segment"]


async def test_a_writer_that_was_overtaken_stops(bus: LossyBus) -> None:
    mine = writer(bus)
    await mine.publish(queued())
    state = await read_version(bus, "county", "fire 1", RECORDING, 1)
    other = writer(bus, state.last_sequence)
    await other.publish(started(2))
    with pytest.raises(FenceLost):
        await mine.publish(started(1))
    with pytest.raises(FenceLost):
        await mine.publish_all([segment(0), segment(1)])
    await other.publish(segment(0))
    assert await stored(bus) == ["queued", "started", "segment"]


async def test_a_lost_answer_is_no_lost_fence(bus: LossyBus) -> None:
    mine = writer(bus)
    bus.lose = 1
    assert await mine.publish(queued()) == 1
    bus.lose = 1
    assert await mine.publish_all([started(), segment(0), segment(1)]) == 4
    assert await mine.publish(completed()) == 5
    assert await stored(bus) == ["queued", "started", "segment", "segment", "completed"]


async def test_a_lost_answer_and_a_successor_is_a_lost_fence(bus: LossyBus) -> None:
    mine = writer(bus, patience=0)
    bus.lose = 1
    with pytest.raises(BusUnavailable):
        await mine.publish(started())
    await writer(bus, 1).publish(started(2))
    with pytest.raises(FenceLost):
        await mine.publish(segment(0))
    assert await stored(bus) == ["started", "started"]


async def test_a_publish_that_was_cancelled_may_have_been_stored(bus: LossyBus) -> None:
    mine = writer(bus)
    bus.lose = 10**6
    publishing = asyncio.create_task(mine.publish(started()))
    await asyncio.sleep(0.01)
    publishing.cancel()
    await asyncio.gather(publishing, return_exceptions=True)
    bus.lose = 0
    assert await mine.publish(segment(0)) == 2
    assert await stored(bus) == ["started", "segment"]


async def test_a_writer_waits_for_the_bus(bus: LossyBus) -> None:
    bus.away = True
    publishing = asyncio.create_task(writer(bus, patience=None).publish(queued()))
    await asyncio.sleep(0.05)
    assert not publishing.done()
    bus.away = False
    assert await publishing == 1


async def test_patience_has_an_end(bus: LossyBus) -> None:
    bus.away = True
    with pytest.raises(BusUnavailable):
        await writer(bus, patience=0.1).publish(queued())


async def test_two_at_once_take_turns(bus: LossyBus) -> None:
    mine = writer(bus)
    await asyncio.gather(*(mine.publish(segment(index)) for index in range(10)))
    assert mine.last_sequence == 10
