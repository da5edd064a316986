"""The service among the others: keys, status, what happens when NATS comes and goes, its end."""

import asyncio
import gc
import signal
from pathlib import Path

import httpx
import pytest

from deploy.local.ports import free_ports
from services.stream.connection import StreamProtocol
from services.stream.reader import Reader as FollowedBy
from services.stream.wire import DirectWire
from shared.bus import Bus
from shared.envelope import job_message
from shared.messages import Job, Options
from shared.nats_bus import connect
from shared.nats_link import Link
from shared.topology import EVENTS, topology
from tests.support.calls import Call
from tests.support.servers import NatsFixture
from tests.support.stream import (
    DEADLINE,
    Running,
    fields,
    process,
    reading,
    running,
    until,
    until_ready,
)

pytestmark = pytest.mark.servers

KEY = "correct horse"


async def test_the_key_is_asked_for(env: dict[str, str]) -> None:
    async with running({**env, "ECHOBASE_API_KEY": KEY}) as stream:
        for path in ("/v1/events", "/v1/status", f"/v1/recordings/{'a' * 32}"):
            for headers in ({}, {"X-API-Key": "wrong"}, {"Authorization": "Bearer wrong"}):
                answer = await stream.http.get(path, headers=headers)
                assert answer.status_code == 401, (path, headers)
                assert answer.headers["content-type"] == "application/problem+json"
        for headers in ({"X-API-Key": KEY}, {"Authorization": f"Bearer {KEY}"}):
            assert (await stream.http.get("/v1/status", headers=headers)).status_code == 200
            async with reading(stream.http, headers=headers) as reader:
                assert reader.response.status_code == 200
        for path in ("/", "/page/main.js", "/docs", "/openapi.json", "/health/live"):
            assert (await stream.http.get(path)).status_code == 200, path


async def test_a_session_stands_for_the_key(env: dict[str, str]) -> None:
    async with running({**env, "ECHOBASE_API_KEY": KEY}) as stream:
        wrong = await stream.http.post("/session", json={"key": "wrong"})
        assert (wrong.status_code, wrong.headers.get("set-cookie")) == (401, None)
        entered = await stream.http.post("/session", json={"key": KEY})
        assert entered.status_code == 204
        cookie = entered.headers["set-cookie"].lower()
        assert "httponly" in cookie
        assert "samesite=strict" in cookie
        assert KEY not in cookie
        async with reading(stream.http) as reader:
            assert reader.response.status_code == 200
        assert (await stream.http.delete("/session")).status_code == 204
        assert (await stream.http.get("/v1/status")).status_code == 401


async def test_another_sites_page_may_not_read(stream: Running) -> None:
    foreign = await stream.http.get("/v1/status", headers={"Origin": "https://example.org"})
    assert foreign.status_code == 403
    rebound = await stream.http.get("/v1/status", headers={"Host": "example.org"})
    assert rebound.status_code == 421


@pytest.mark.parametrize("rotate", ["0", "0.1"], ids=["the reader", "the service"])
async def test_nothing_is_left_of_a_stream_whoever_ends_it(
    env: dict[str, str], bus: Bus, rotate: str
) -> None:
    own = {**env, "ECHOBASE_HEARTBEAT": "0.2", "ECHOBASE_ROTATE": rotate}
    async with running(own) as stream:
        await until_ready(stream)
        gc.collect()
        before = streams()
        gc.disable()
        try:
            for number in range(5):
                await once(stream, bus, stays=rotate != "0", number=number)

            async def holds() -> bool:
                return streams() <= before

            await until(holds)
        finally:
            gc.enable()


def streams() -> int:
    """Objects of which each open connection or event stream has one; garbage is counted too."""
    kinds = (StreamProtocol, DirectWire, FollowedBy)
    return sum(isinstance(each, kinds) for each in gc.get_objects())


async def once(stream: Running, bus: Bus, *, stays: bool, number: int) -> None:
    """A reader on a connection of its own is sent an event, and leaves, or is asked to."""
    url = httpx.URL(stream.url)
    assert url.host
    reader, writer = await asyncio.open_connection(url.host, url.port)
    writer.write(b"GET /v1/events HTTP/1.1\r\nHost: localhost\r\n\r\n")
    async with asyncio.timeout(DEADLINE):
        await reader.readuntil(b": ok\n\n")
        await Call(bus, channel=str(number)).queued()
        if stays:
            await reader.readuntil(b"0\r\n\r\n")
        else:
            await reader.readuntil(b"event: queued")
    writer.close()


async def test_status(bus: Bus, stream: Running) -> None:
    await bus.announce("transcriber", {"worker": "w1", "model": "demo", "notice": "small"})
    call = Call(bus)
    await call.queued()
    job = Job(
        recording=call.recording,
        version=1,
        source="upload",
        channel="default",
        lane="urgent",
        audio="x",
        duration=1.0,
        options=Options(),
    )
    await bus.publish(job_message(job))
    found = (await stream.http.get("/v1/status")).json()
    assert found["bus"] == "connected"
    assert found["workers"] == [{"worker": "w1", "model": "demo", "notice": "small"}]
    assert found["lanes"] == {"urgent": 1, "live": 0, "backfill": 0}
    assert found["events"]["last"] == 1
    assert found["locked"] is False
    assert found["ingest"].startswith("http://localhost:")


async def test_below_a_base_path(env: dict[str, str]) -> None:
    async with running({**env, "ECHOBASE_BASE_PATH": "/radio"}) as stream:
        assert (await stream.http.get("/v1/status")).json()["ingest"].endswith("/radio")
        page = await stream.http.get("/")
        assert "<title>EchoBase" in page.text
        async with httpx.AsyncClient() as http:
            bare = await http.get(stream.url)
        assert (bare.status_code, bare.headers["location"]) == (302, "/radio/")


async def test_it_starts_before_nats_and_goes_on_when_it_comes(
    env: dict[str, str], nats: NatsFixture
) -> None:
    nats.kill()
    async with running(env) as stream, stream.http.stream("GET", "/v1/events") as response:
        lines = response.aiter_lines()
        assert await anext(lines) == ": waiting for the message bus"
        found = (await stream.http.get("/v1/status")).json()
        assert (found["bus"], found["events"], found["workers"]) == ("away", None, [])
        ready = await stream.http.get("/health/ready")
        assert ready.status_code == 200
        assert ready.json()["checks"]["bus"]["status"] == "degraded"
        nats.start()
        bus = await connect(nats.settings, "test")
        await bus.ensure(topology())
        await until_ready(stream)
        call = Call(bus)
        async with asyncio.timeout(2 * DEADLINE):
            publishing = asyncio.create_task(call.whole("at last"))
            async for line in lines:
                if line.startswith("data:") and "at last" in line:
                    break
        await publishing
        await bus.close()


async def test_a_broker_that_is_killed_loses_nobody(
    bus: Bus, stream: Running, nats: NatsFixture
) -> None:
    async with reading(stream.http) as reader:
        first = await Call(bus).queued()
        nats.kill()
        nats.start()
        call = Call(bus)
        sequences = await call.whole("one", "two")
        events = await reader.take(1 + len(sequences))
    assert [int(event.id.rpartition("-")[2]) for event in events] == [first, *sequences]


async def test_what_has_aged_out_is_announced_by_one_gap(
    env: dict[str, str], bus: Bus, nats: NatsFixture
) -> None:
    epoch = (await bus.state(EVENTS.name)).epoch
    sequences = await Call(bus).whole(*"abcdefgh")
    await administer(nats, "PURGE", b'{"keep": 2}')
    async with (
        running(env) as stream,
        reading(stream.http, after=f"{epoch}-{sequences[1]}") as reader,
    ):
        gap = await reader.next()
        assert (gap.event, fields(gap)["reason"]) == ("gap", "aged-out")
        events = await reader.take(2)
    assert [event.event for event in events] == ["segment", "completed"]


async def test_a_stream_made_anew_is_announced_by_one_gap(
    bus: Bus, stream: Running, nats: NatsFixture
) -> None:
    async with reading(stream.http) as reader:
        await Call(bus).queued()
        before = await reader.next()
        await administer(nats, "DELETE")
        await bus.ensure(topology())
        call = Call(bus)
        await call.whole("anew")
        gap = await reader.next()
        assert gap.event == "gap"
        events = await reader.take(4)
    assert {fields(event)["recording"] for event in events} == {call.recording}
    assert events[0].id.rpartition("-")[0] != before.id.rpartition("-")[0]


async def administer(nats: NatsFixture, verb: str, body: bytes = b"") -> None:
    """Ask JetStream itself to do something to EVENTS, as an operator would."""
    link = Link(nats.settings, "operator")
    await link.open()
    answer = await link.request(f"$JS.API.STREAM.{verb}.{EVENTS.name}", body)
    assert b'"success":true' in answer.data
    await link.close()


async def test_the_process_ends_promptly_with_open_streams(
    env: dict[str, str], bus: Bus, tmp_path: Path
) -> None:
    await bus.state(EVENTS.name)
    [port] = free_ports(1)
    service = process({**env, "ECHOBASE_STREAM_PORT": str(port)}, tmp_path / "stream.log")
    service.start()
    try:
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=DEADLINE) as http:

            async def answers() -> bool:
                try:
                    return (await http.get("/health/started")).status_code == 200
                except httpx.TransportError:
                    return False

            await until(answers)
            async with reading(http) as one, reading(http) as two:
                service.signal(signal.SIGTERM)
                for events in (await one.rest(), await two.rest()):
                    assert [bool(event.retry) for event in events] == [True]
            assert await asyncio.to_thread(service.wait, 5.0)
    finally:
        service.kill()
    assert service.exit_code == 0, service.last_lines()
    assert "Traceback" not in service.log.read_text()
