"""An erased message is nowhere on nats-server's disk; one that is only removed still is."""

import time
from pathlib import Path

import pytest

from shared.bus import Message
from shared.topology import EVENTS, JOBS, lane_consumer, topology
from tests.support.nats_buses import opened
from tests.support.servers import NatsFixture

pytestmark = pytest.mark.servers


def holding(folder: Path, word: bytes) -> list[Path]:
    """The files that hold a word."""
    return [path for path in folder.rglob("*") if path.is_file() and word in path.read_bytes()]


async def test_an_erased_message_is_overwritten(nats: NatsFixture) -> None:
    folder = nats.recipe.folder
    async with opened(nats.settings) as bus:
        await bus.ensure(topology())
        sequences = [
            (await bus.publish(Message(f"echobase.events.a.b.c.1.{word}", word.encode()))).sequence
            for word in ("removed-word", "erased-word", "kept-word")
        ]
        assert holding(folder, b"erased-word")
        assert await bus.delete(EVENTS.name, sequences[0])
        assert await bus.delete(EVENTS.name, sequences[1], erase=True)
        assert not await bus.delete(EVENTS.name, sequences[1], erase=True)
        found = await bus.last(EVENTS.name, "echobase.events.>")
    nats.stop()
    assert found is not None
    assert found.data == b"kept-word"
    assert holding(folder, b"removed-word")
    assert not holding(folder, b"erased-word")


async def test_a_delivered_message_tells_when_it_was_published(nats: NatsFixture) -> None:
    async with opened(nats.settings) as bus:
        await bus.ensure(topology())
        before = time.time()
        await bus.publish(Message(JOBS.subjects[1], b"{}"))
        after = time.time()
        (delivery,) = await bus.fetch(lane_consumer("live"), 1, 5.0)
    assert before <= delivery.message.time <= after
