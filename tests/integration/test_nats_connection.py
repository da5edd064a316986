"""Connections that break, servers that freeze, answers that are lost: one test per trap."""

import asyncio
import logging
import os
import signal
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import msgspec
import pytest

from shared import nats_link
from shared.errors import BusUnavailable, FenceLost
from shared.nats_bus import NatsBus, connect
from shared.topology import topology
from shared.version_state import read_version
from shared.writer import VersionWriter
from tests.behaviour.rig import (
    LONG,
    SOON,
    TOPOLOGY,
    Followed,
    fill,
    log,
    read,
    until_ready,
)
from tests.support.events import RECORDING, completed, queued, segment, started
from tests.support.nats_buses import opened, until
from tests.support.proxy import Proxy
from tests.support.servers import NatsFixture

pytestmark = pytest.mark.servers


@pytest.fixture
async def bus(nats: NatsFixture) -> AsyncIterator[NatsBus]:
    async with opened(nats.settings) as bus:
        await bus.ensure(TOPOLOGY)
        yield bus


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

    async def frozen() -> bool:
        return not await bus.ready()

    try:
        # Its threads stop one after another.
        await until(frozen)
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
