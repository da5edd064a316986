"""What goes wrong with a real NATS server, one test per trap."""

import asyncio
import logging
import os
import signal
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager

import msgspec
import pytest
from nats.aio.client import Client
from nats.js import JetStreamManager

from shared import nats_link
from shared.bus import Message
from shared.errors import BusUnavailable, FenceLost, SettingError
from shared.nats_bus import NatsBus, connect
from shared.settings import NatsSettings
from shared.topology import Consumer, Stream, Topology, topology
from shared.version_state import read_version
from shared.writer import VersionWriter
from tests.behaviour.bus_suite import (
    LONG,
    SLOW_WORKERS,
    SOON,
    TOPOLOGY,
    WORKERS,
    Followed,
    fill,
    log,
    read,
    until_ready,
)
from tests.support.events import RECORDING, completed, queued, segment, started
from tests.support.proxy import Proxy
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
    client = Client()
    await client.connect(
        nats.settings.nats_url,
        user=nats.settings.nats_user,
        password=nats.settings.nats_password,
    )
    yield JetStreamManager(client)
    await client.close()


@asynccontextmanager
async def opened(settings: NatsSettings) -> AsyncGenerator[NatsBus]:
    async with asyncio.timeout(LONG):
        bus = await connect(settings, "test")
    try:
        yield bus
    finally:
        await bus.close()


async def until(met: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(LONG):
        while not await met():  # noqa: ASYNC110  a server has no event to wait for
            await asyncio.sleep(0.01)


def lines(caplog: pytest.LogCaptureFixture) -> list[str]:
    mine = [r for r in caplog.records if r.name.startswith("shared.nats")]
    return [r.getMessage() for r in mine if r.levelno >= logging.INFO]


# --- the connection ---


async def test_the_first_connect_waits_for_the_server_and_says_so_once(
    nats: NatsFixture, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    nats.kill()
    connecting = asyncio.create_task(connect(nats.settings, "test"))
    await asyncio.sleep(3 * nats_link.RECONNECT_WAIT)
    assert not connecting.done()
    nats.start()
    async with asyncio.timeout(LONG):
        bus = await connecting
    assert await bus.ready()
    waiting, back = lines(caplog)
    assert waiting.startswith(f"waiting for NATS at {nats.settings.nats_url}: ")
    assert back == f"NATS at {nats.settings.nats_url} is back"
    await bus.close()
    assert len(lines(caplog)) == 2


async def test_a_lost_server_is_logged_once_and_so_is_its_return(
    nats: NatsFixture, bus: NatsBus, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    for turn in (1, 2):
        nats.kill()
        await asyncio.sleep(3 * nats_link.RECONNECT_WAIT)
        nats.start()
        await until_ready(bus)
        told = lines(caplog)
        assert len(told) == 2 * turn
        assert told[-2].startswith(f"lost NATS at {nats.settings.nats_url}")
        assert told[-1].endswith("is back")


async def test_a_server_that_ends_politely_is_waited_for_too(
    nats: NatsFixture, bus: NatsBus
) -> None:
    nats.stop()
    nats.start()
    await until_ready(bus)
    assert (await bus.publish(log("a"))).sequence == 1


async def test_a_refused_password_is_waited_out_without_showing_it(
    nats: NatsFixture, caplog: pytest.LogCaptureFixture
) -> None:
    wrong = msgspec.structs.replace(
        nats.settings, nats_url=nats.settings.nats_url.replace("//", "//echobase:s3cret@")
    )
    wrong = msgspec.structs.replace(wrong, nats_user="", nats_password="")
    connecting = asyncio.create_task(connect(wrong, "test"))
    await asyncio.sleep(3 * nats_link.RECONNECT_WAIT)
    connecting.cancel()
    await asyncio.gather(connecting, return_exceptions=True)
    (line,) = lines(caplog)
    assert "Authorization Violation" in line
    assert "s3cret" not in caplog.text


async def test_a_client_that_the_server_closes_is_replaced(bus: NatsBus) -> None:
    """The server answers an overlong subject with -ERR, upon which nats-py closes for good."""
    await bus.announce("test", {"model": "demo"})
    async with Followed(bus, start=1) as followed:
        await fill(bus, ["a"])
        await followed.until(1)
        with pytest.raises(BusUnavailable):
            await bus.publish(log("x" * 10_000))
        await until_ready(bus)
        await bus.publish(log("b"))
        await followed.until(2)
        await until(lambda: _announced(bus))
    assert followed.sequences == [1, 2]


async def _announced(bus: NatsBus) -> bool:
    return await bus.discover("test", wait=0.1) == [{"model": "demo"}]


async def test_a_frozen_server_is_unavailable_and_then_goes_on(
    nats: NatsFixture, bus: NatsBus
) -> None:
    pid = nats.process.pid
    assert pid is not None
    os.kill(pid, signal.SIGSTOP)
    try:
        assert not await bus.ready()
        with pytest.raises(BusUnavailable, match="no answer"):
            await bus.publish(log("a"))
    finally:
        os.kill(pid, signal.SIGCONT)
    await until_ready(bus)
    await bus.publish(log("b"))
    assert (await read(bus))[-1].subject == "t.log.b"


async def test_many_requests_at_once_fail_at_once_when_the_connection_breaks(
    nats: NatsFixture, bus: NatsBus
) -> None:
    pid = nats.process.pid
    assert pid is not None
    os.kill(pid, signal.SIGSTOP)
    publishing = [asyncio.create_task(bus.publish(log("a"))) for _ in range(50)]
    await asyncio.sleep(SOON)
    nats.kill()
    results = await asyncio.gather(*publishing, return_exceptions=True)
    assert {(type(r), str(r)) for r in results} == {
        (BusUnavailable, "the connection broke before the answer came")
    }


# --- lost answers ---


@asynccontextmanager
async def behind_proxy(nats: NatsFixture) -> AsyncGenerator[tuple[NatsBus, Proxy]]:
    """A bus whose answers can be lost."""
    host, _, port = nats.settings.nats_url.removeprefix("nats://").partition(":")
    async with AsyncExitStack() as stack:
        proxy = await stack.enter_async_context(Proxy(host, int(port)))
        settings = msgspec.structs.replace(nats.settings, nats_url=proxy.url)
        bus = await stack.enter_async_context(opened(settings))
        await bus.ensure(topology())
        yield bus, proxy


def word_of_events(piece: bytes) -> bool:
    """Whether a piece of what the server sends holds its word on a publish to EVENTS."""
    return b'"stream":"EVENTS"' in piece and b'"seq"' in piece


async def test_a_lost_answer_is_found_out(nats: NatsFixture) -> None:
    async with behind_proxy(nats) as (bus, proxy), asyncio.timeout(60):
        writer = VersionWriter(bus, "county", "fire 1", RECORDING, 1)
        await writer.publish(queued())
        proxy.swallow(word_of_events)
        assert await writer.publish(started()) == 2
        proxy.swallow(word_of_events)
        assert await writer.publish_all([segment(0), segment(1), segment(2)]) == 5
        assert await writer.publish(completed(3)) == 6
        assert proxy.swallowed == 2
        state = await read_version(bus, "county", "fire 1", RECORDING, 1)
        assert [s.index for s in state.segments] == [0, 1, 2]
        assert (len(state.starts), state.last_sequence) == (1, 6)


async def test_a_lost_answer_and_another_writer_s_start_is_a_lost_fence(nats: NatsFixture) -> None:
    async with behind_proxy(nats) as (bus, proxy), asyncio.timeout(60):
        mine = VersionWriter(bus, "county", "fire 1", RECORDING, 1, patience=0)
        proxy.swallow(word_of_events)
        with pytest.raises(BusUnavailable):
            await mine.publish(started(1))
        async with opened(nats.settings) as elsewhere:
            other = VersionWriter(elsewhere, "county", "fire 1", RECORDING, 1, 1)
            await other.publish(started(2))
            await until_ready(bus)
            with pytest.raises(FenceLost):
                await mine.publish(segment(0))
            await other.publish(segment(0))


async def test_a_writer_goes_on_across_a_restart(nats: NatsFixture) -> None:
    async with opened(nats.settings) as bus, asyncio.timeout(60):
        await bus.ensure(topology())
        writer = VersionWriter(bus, "county", "fire 1", RECORDING, 1)
        await writer.publish(queued())
        for index in range(3):
            nats.kill()
            publishing = asyncio.create_task(writer.publish_all([segment(2 * index), segment(9)]))
            await asyncio.sleep(SOON)
            nats.start()
            await publishing
        state = await read_version(bus, "county", "fire 1", RECORDING, 1)
        assert [s.index for s in state.segments] == [0, 9, 2, 9, 4, 9]


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
    assert await bus.pending(SLOW_WORKERS) == 0


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
    assert await bus.pending(SLOW_WORKERS) == 0


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
    overlapping = Consumer("other", "TJOBS", "t.jobs.*")
    with pytest.raises(SettingError, match="other"):
        await bus.ensure(Topology((), (overlapping,)))


async def test_a_consumer_s_changed_wait_is_updated(
    bus: NatsBus, manager: JetStreamManager
) -> None:
    await bus.ensure(Topology((), (Consumer("workers", "TJOBS", "t.jobs.a", ack_wait=7.0),)))
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
