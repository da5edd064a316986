"""MemoryBus does what every bus does, and keeps the time that it is told."""

import asyncio
from dataclasses import dataclass, field

import pytest

from shared.bus import Message
from shared.memory_bus import MemoryBus
from shared.memory_stream import matches
from shared.topology import Consumer, Stream, Topology
from tests.behaviour.bucket_suite import BucketSuite
from tests.behaviour.bus_suite import BusSuite
from tests.behaviour.follow_suite import FollowSuite
from tests.behaviour.jobs_suite import JobsSuite
from tests.behaviour.outage_suite import OutageSuite
from tests.behaviour.removal_suite import RemovalSuite
from tests.behaviour.rig import LOG, TOPOLOGY, WORKERS, log, read


@dataclass
class MemoryRig:
    """A MemoryBus, and the hand that harms it."""

    bus: MemoryBus = field(default_factory=MemoryBus)

    async def delete_stream(self, name: str) -> None:
        self.bus.delete_stream(name)

    async def delete_consumer(self, consumer: Consumer) -> None:
        self.bus.delete_consumer(consumer)

    async def stop(self) -> None:
        self.bus.away = True

    async def start(self) -> None:
        self.bus.away = False


@pytest.fixture
async def rig() -> MemoryRig:
    rig = MemoryRig()
    await rig.bus.ensure(TOPOLOGY)
    return rig


class TestMemoryBus(BusSuite):
    """In memory."""


class TestFollowInMemory(FollowSuite):
    """In memory."""


class TestJobsInMemory(JobsSuite):
    """In memory."""


class TestOutageInMemory(OutageSuite):
    """In memory."""


class TestRemovalInMemory(RemovalSuite):
    """In memory."""


class TestBucketInMemory(BucketSuite):
    """In memory."""


class Clock:
    """Time that goes on by hand."""

    def __init__(self) -> None:
        self.time = 1000.0

    def __call__(self) -> float:
        return self.time


async def test_ack_wait_is_of_the_given_clock() -> None:
    clock = Clock()
    bus = MemoryBus(clock)
    await bus.ensure(TOPOLOGY)
    await bus.publish(Message("t.jobs.a", b"1"))
    await bus.fetch(WORKERS, 1, 1)
    again = asyncio.create_task(bus.fetch(WORKERS, 1, 2 * WORKERS.ack_wait))
    await asyncio.sleep(0)
    assert not again.done()
    clock.time += WORKERS.ack_wait
    bus.wake()
    assert [job.attempt for job in await again] == [2]


async def test_a_message_id_is_forgotten_after_its_window() -> None:
    clock = Clock()
    bus = MemoryBus(clock)
    await bus.ensure(TOPOLOGY)
    message = Message("t.log.a", b"", message_id="one")
    await bus.publish(message)
    clock.time += LOG.duplicate_window - 1
    assert (await bus.publish(message)).duplicate
    clock.time += 2
    assert not (await bus.publish(message)).duplicate


async def test_old_messages_age_out() -> None:
    clock = Clock()
    bus = MemoryBus(clock)
    await bus.ensure(TOPOLOGY)
    await bus.publish(log("old"))
    clock.time += LOG.max_age + 1
    await bus.publish(log("new"))
    assert [m.subject for m in await read(bus)] == ["t.log.new"]
    assert (await bus.state("TLOG")).first == 2


async def test_a_full_log_drops_the_oldest() -> None:
    bus = MemoryBus()
    await bus.ensure(Topology((Stream("TLOG", ("t.log.>",), "limits", 0, 1000, "old"),), ()))
    for _ in range(20):
        await bus.publish(log("a", bytes(200)))
    state = await bus.state("TLOG")
    assert (state.first, state.last) == (17, 20)


@pytest.mark.parametrize(
    ("pattern", "subject", "expected"),
    [
        ("a.b", "a.b", True),
        ("a.b", "a.c", False),
        ("a.b", "a", False),
        ("a", "a.b", False),
        ("a.*", "a.b", True),
        ("a.*", "a.b.c", False),
        ("*.b", "a.b", True),
        ("a.>", "a.b.c", True),
        ("a.>", "a", False),
        (">", "a", True),
    ],
)
def test_filters_match_as_those_of_nats(pattern: str, subject: str, expected: bool) -> None:
    assert matches(pattern, subject) is expected
