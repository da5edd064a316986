"""What goes wrong with a real NATS server, one test per trap."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
from nats.js import JetStreamManager

from shared.bus import Message
from shared.errors import BusUnavailable, SettingError
from shared.nats_bus import NatsBus
from shared.topology import SUBMIT, Consumer, Stream, Topology, submissions
from tests.behaviour.rig import (
    LONG,
    SLOW_WORKERS,
    SOON,
    TOPOLOGY,
    WORKERS,
    Followed,
    fill,
    log,
    pending_becomes,
    until_ready,
)
from tests.support.nats_buses import managed, opened, until
from tests.support.servers import NatsFixture

pytestmark = pytest.mark.servers


@pytest.fixture
async def bus(nats: NatsFixture) -> AsyncIterator[NatsBus]:
    async with opened(nats.settings) as bus:
        await bus.ensure(TOPOLOGY)
        yield bus


@pytest.fixture
async def manager(nats: NatsFixture) -> AsyncIterator[JetStreamManager]:
    """JetStream behind the bus's back."""
    async with managed(nats.settings) as manager:
        yield manager


# --- jobs ---


async def test_no_pull_is_left_behind(bus: NatsBus, manager: JetStreamManager) -> None:
    async def waiting() -> int | None:
        return (await manager.consumer_info("TJOBS", "slow")).num_waiting

    assert await bus.fetch(SLOW_WORKERS, 1, SOON) == []
    assert await bus.fetch(SLOW_WORKERS, 5, SOON) == []
    assert await waiting() == 0
    for _ in range(3):
        fetching = asyncio.create_task(bus.fetch(SLOW_WORKERS, 1, 0.5))
        await asyncio.sleep(SOON)
        fetching.cancel()
        await asyncio.gather(fetching, return_exceptions=True)

    async def none() -> bool:
        return await waiting() == 0

    await until(none)


@pytest.mark.parametrize("filtered_before", [False, True])
async def test_a_subject_that_the_server_s_index_leaves_out_is_delivered(
    bus: NatsBus, filtered_before: bool
) -> None:
    consumer = submissions()
    # With a filter, as EchoBase made it at first: an installation has it still.
    old = replace(consumer, filters=SUBMIT.subjects if filtered_before else ())
    await bus.ensure(Topology((SUBMIT,), (old,)))
    for name in ("a\x7fb", "county", "\x7f"):
        await bus.publish(Message(f"echobase.submit.{name}.fire", b""))
    await bus.ensure(Topology((SUBMIT,), (consumer,)))
    for sequence in (1, 2, 3):
        [delivery] = await bus.fetch(consumer, 1, LONG)
        assert delivery.message.sequence == sequence
        await delivery.ack()


async def test_a_deleted_consumer_is_asked_for_once_and_not_in_a_hot_loop(
    bus: NatsBus, manager: JetStreamManager, caplog: pytest.LogCaptureFixture
) -> None:
    await bus.ensure(Topology((), ()))  # nothing is known of how to make it again
    await manager.delete_stream("TJOBS")
    before = len(caplog.records)
    with pytest.raises(BusUnavailable):
        await bus.fetch(SLOW_WORKERS, 1, 1.2)
    assert len(caplog.records) - before <= 5


async def test_an_acknowledgment_of_a_lost_consumer_s_job_fails(
    bus: NatsBus, manager: JetStreamManager
) -> None:
    await bus.publish(Message("t.jobs.b", b"1"))
    (job,) = await bus.fetch(SLOW_WORKERS, 1, LONG)
    await manager.delete_consumer("TJOBS", "slow")
    with pytest.raises(BusUnavailable):
        await job.ack()
    (again,) = await bus.fetch(SLOW_WORKERS, 1, LONG)
    await again.ack()
    await pending_becomes(bus, SLOW_WORKERS, 0)


async def test_a_job_in_hand_when_the_server_dies_is_acknowledged_or_comes_again(
    nats: NatsFixture, bus: NatsBus
) -> None:
    """A server that died before it wrote down that it had delivered a job answers no ack of it."""
    await bus.publish(Message("t.jobs.b", b"1"))
    (job,) = await bus.fetch(SLOW_WORKERS, 1, LONG)
    async with job.keep_alive():
        nats.kill()
        await asyncio.sleep(SOON)
        nats.start()
        await until_ready(bus)
    try:
        await job.ack()
    except BusUnavailable:
        (again,) = await bus.fetch(SLOW_WORKERS, 1, LONG)
        await again.ack()
    await pending_becomes(bus, SLOW_WORKERS, 0)


async def test_a_bus_that_closes_leaves_no_job_in_hand_that_nobody_took(
    nats: NatsFixture, bus: NatsBus
) -> None:
    async with opened(nats.settings) as leaving:
        fetching = asyncio.create_task(leaving.fetch(SLOW_WORKERS, 1, 60))
        await asyncio.sleep(SOON)
        fetching.cancel()
        await asyncio.gather(fetching, return_exceptions=True)
        await bus.publish(Message("t.jobs.b", b"1"))
    (job,) = await bus.fetch(SLOW_WORKERS, 1, LONG)
    await job.ack()


# --- topology ---


async def test_a_stream_that_does_not_fit_the_server_is_refused(bus: NatsBus) -> None:
    huge = Stream("HUGE", ("t.huge",), "limits", 0, 2**50, "old")
    with pytest.raises(SettingError, match="HUGE"):
        await bus.ensure(Topology((huge,), ()))


async def test_overlapping_consumers_of_a_work_queue_are_refused(bus: NatsBus) -> None:
    overlapping = Consumer("other", "TJOBS", ("t.jobs.*",))
    with pytest.raises(SettingError, match="other"):
        await bus.ensure(Topology((), (overlapping,)))


async def test_a_consumer_s_changed_wait_is_updated(
    bus: NatsBus, manager: JetStreamManager
) -> None:
    await bus.ensure(Topology((), (Consumer("workers", "TJOBS", ("t.jobs.a",), ack_wait=7.0),)))
    info = await manager.consumer_info("TJOBS", WORKERS.name)
    assert info.config.ack_wait == 7
    assert info.config.max_deliver == -1


async def test_the_epoch_outlives_the_server(nats: NatsFixture, bus: NatsBus) -> None:
    await bus.publish(log("a"))
    before = await bus.state("TLOG")
    nats.kill()
    nats.start()
    await until_ready(bus)
    assert await bus.state("TLOG") == before


# --- follow ---


async def test_deleted_messages_are_no_gap(bus: NatsBus, manager: JetStreamManager) -> None:
    await fill(bus, ["a"] * 10)
    for sequence in (2, 5, 6):
        await manager.delete_msg("TLOG", sequence)
    async with Followed(bus, start=1) as followed:
        await followed.until(10)
        await bus.publish(log("b"))
        await followed.until(11)
    assert followed.sequences == [1, 3, 4, 7, 8, 9, 10, 11]


async def test_a_follower_s_consumer_is_replaced_when_it_is_deleted(
    bus: NatsBus, manager: JetStreamManager
) -> None:
    async with Followed(bus, start=1) as followed:
        for turn in range(1, 4):
            await fill(bus, ["a"] * 5)
            await followed.until(5 * turn)
            for info in await manager.consumers_info("TLOG"):
                await manager.delete_consumer("TLOG", info.name)
    assert followed.sequences == list(range(1, 16))


async def test_a_follower_leaves_no_consumer_behind(
    bus: NatsBus, manager: JetStreamManager
) -> None:
    async def none() -> bool:
        return not await manager.consumers_info("TLOG")

    for _ in range(3):
        async with Followed(bus, start=1) as followed:
            await bus.publish(log("a"))
            await followed.until(1)
    await until(none)


async def test_a_slow_follower_loses_nothing(bus: NatsBus) -> None:
    await fill(bus, ["a"] * 2500)
    seen: list[int] = []
    async for batch in bus.follow("TLOG", ["t.log.>"], 1):
        seen += [message.sequence for message in batch]
        await asyncio.sleep(SOON)
        if seen[-1] >= 2500:
            break
    assert seen == list(range(1, 2501))
