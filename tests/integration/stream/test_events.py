"""The event stream, over real NATS: everything wanted, once, in order."""

import asyncio
import random

import httpx
import pytest

from services.stream.sse import EventId, parse_id
from shared.bus import Bus
from tests.support.calls import Call
from tests.support.stream import DEADLINE, Running, fields, reading, running, until_readers

pytestmark = pytest.mark.servers

WHOLE = ["queued", "started", "segment", "segment", "completed"]


async def test_a_call_that_is_over_still_gives_all_its_events(bus: Bus, stream: Running) -> None:
    await Call(bus).whole("before")
    call = Call(bus)
    await call.whole("Engine seven", "on scene")
    await Call(bus).whole("after")
    async with reading(stream.http, f"recording={call.recording}") as reader:
        events = await reader.take(5)
    assert [event.event for event in events] == WHOLE
    assert [fields(event).get("text") for event in events[2:4]] == ["Engine seven", "on scene"]
    assert all(fields(event)["recording"] == call.recording for event in events)


async def test_what_a_browser_and_a_proxy_are_told(stream: Running) -> None:
    async with reading(stream.http) as reader:
        headers = reader.response.headers
    assert headers["content-type"].startswith("text/event-stream")
    assert headers["cache-control"] == "no-store"
    assert headers["x-accel-buffering"] == "no"


async def test_events_arrive_as_they_happen(bus: Bus, stream: Running) -> None:
    async with reading(stream.http) as reader:
        call = Call(bus)
        await call.queued()
        assert (await reader.next()).event == "queued"
        await call.started()
        assert (await reader.next()).event == "started"
        await call.segment("now")
        assert fields(await reader.next())["text"] == "now"


async def test_an_event_is_sent_as_it_is_stored(bus: Bus, stream: Running) -> None:
    call = Call(bus, "county", "Feuerwehr Süd")
    sequence = await call.queued()
    async with reading(stream.http, f"recording={call.recording}") as reader:
        event = await reader.next()
    stored = await bus.last("EVENTS", "echobase.events.>")
    assert stored is not None
    assert event.data.encode() == stored.data
    state = await bus.state("EVENTS")
    assert parse_id(event.id) == EventId(state.epoch, sequence)


@pytest.mark.parametrize(
    ("query", "wanted"),
    [
        ("source=county", ["a", "b"]),
        ("channel=5", ["a", "c"]),
        ("source=county&channel=5", ["a"]),
        ("channel=5&channel=6", ["a", "b", "c"]),
        ("source=metro&source=upload", ["c", "d"]),
        ("", ["a", "b", "c", "d"]),
    ],
)
async def test_filters(bus: Bus, stream: Running, query: str, wanted: list[str]) -> None:
    async with reading(stream.http, f"type=segment&{query}") as reader:
        for text, source, channel in (
            ("a", "county", "5"),
            ("b", "county", "6"),
            ("c", "metro", "5"),
            ("d", "upload", "default"),
        ):
            await Call(bus, source, channel).whole(text)
        events = await reader.take(len(wanted))
    assert [fields(event)["text"] for event in events] == wanted


async def test_a_reader_that_comes_back_misses_nothing(bus: Bus, stream: Running) -> None:
    """It leaves at random places while events are published, and resumes by the id it saw."""
    published: list[int] = []

    async def publish() -> None:
        for _ in range(40):
            published.extend(await Call(bus).whole("one", "two", "three"))

    first = await Call(bus).queued()
    after = str(EventId((await bus.state("EVENTS")).epoch, first))
    seen: list[int] = []
    publishing = asyncio.create_task(publish())
    pace = random.Random(7)
    async with asyncio.timeout(3 * DEADLINE):
        while not publishing.done() or len(seen) < len(published):
            async with reading(stream.http, after=after) as reader:
                for _ in range(pace.randint(1, 25)):
                    if publishing.done() and len(seen) == len(published):
                        break
                    after = (await reader.next()).id
                    seen.append(parse_id(after).sequence)
    await publishing
    assert seen == sorted(published)


async def test_the_query_resumes_too_and_the_header_wins(bus: Bus, stream: Running) -> None:
    sequences = await Call(bus).whole("one")
    epoch = (await bus.state("EVENTS")).epoch
    first, second = (EventId(epoch, sequence) for sequence in sequences[:2])
    async with reading(stream.http, f"last_event_id={first}") as reader:
        assert (await reader.next()).id == str(second)
    async with reading(stream.http, f"last_event_id={first}", after=str(second)) as reader:
        assert parse_id((await reader.next()).id).sequence == sequences[2]


async def test_an_unknown_epoch_is_announced_by_one_gap(bus: Bus, stream: Running) -> None:
    await Call(bus).queued()
    async with reading(stream.http, after="another-3") as reader:
        gap = await reader.next()
        assert (gap.event, fields(gap)["reason"]) == ("gap", "unknown-epoch")
        assert (await reader.next()).event == "queued"


async def test_an_id_from_the_future_is_announced_by_one_gap(bus: Bus, stream: Running) -> None:
    await Call(bus).queued()
    future = EventId((await bus.state("EVENTS")).epoch, 1000)
    async with reading(stream.http, after=str(future)) as reader:
        gap = await reader.next()
        assert (gap.event, fields(gap)["reason"]) == ("gap", "beyond-the-end")
        call = Call(bus)
        await call.queued()
        assert fields(await reader.next())["recording"] == call.recording


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("recording=nonsense", "recording"),
        ("kind=segment", "kind"),
        ("type=word", "type"),
        ("source=%ff", "source"),
        ("last_event_id=7", "Last-Event-ID"),
    ],
)
async def test_a_bad_query_is_refused_by_name(stream: Running, query: str, field: str) -> None:
    answer = await stream.http.get(f"/v1/events?{query}")
    assert answer.status_code == 400
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["field"] == field


async def test_a_bad_header_is_refused(stream: Running) -> None:
    answer = await stream.http.get("/v1/events", headers={"Last-Event-ID": "x"})
    assert (answer.status_code, answer.json()["field"]) == (400, "Last-Event-ID")


async def test_a_quiet_stream_beats(env: dict[str, str], bus: Bus) -> None:
    await bus.state("EVENTS")
    async with (
        running({**env, "ECHOBASE_HEARTBEAT": "0.05"}) as stream,
        stream.http.stream("GET", "/v1/events") as response,
    ):
        beats = 0
        async with asyncio.timeout(DEADLINE):
            async for line in response.aiter_lines():
                beats += line == ": ok"
                if beats == 3:
                    break


async def test_every_stream_ends_with_the_service(bus: Bus, stream: Running) -> None:
    await bus.state("EVENTS")
    async with reading(stream.http) as one, reading(stream.http) as two:
        stream.life.stopping.set()
        for events in (await one.rest(), await two.rest()):
            assert [bool(event.retry) for event in events] == [True]
    await asyncio.wait_for(asyncio.shield(stream.task), DEADLINE)


async def test_a_reader_that_never_reads_is_cut_off(env: dict[str, str], bus: Bus) -> None:
    async with running({**env, "ECHOBASE_HEARTBEAT": "0.5"}) as stream:
        url = httpx.URL(stream.url)
        _, writer = await asyncio.open_connection(url.host, url.port, limit=1024)
        writer.write(b"GET /v1/events HTTP/1.1\r\nHost: localhost\r\n\r\n")
        await writer.drain()
        await until_readers(stream, 1)
        # More than the kernel's buffers hold on both sides.
        call = Call(bus)
        for _ in range(40):
            await call.segment("x" * 500_000)
        await until_readers(stream, 0)
        async with reading(stream.http, f"recording={call.recording}") as reader:
            assert fields(await reader.next())["text"] == "x" * 500_000
        writer.close()


async def test_a_question_for_the_headers_alone_gets_no_event(bus: Bus, stream: Running) -> None:
    """The connection is good for the next request."""
    await Call(bus).queued()
    url = httpx.URL(stream.url)
    reader, writer = await asyncio.open_connection(url.host, url.port)
    ask = "HTTP/1.1\r\nHost: localhost\r\n\r\n"
    writer.write(f"HEAD /v1/events {ask}GET /health/live {ask}".encode())
    async with asyncio.timeout(DEADLINE):
        head = await reader.readuntil(b"\r\n\r\n")
        assert b"text/event-stream" in head
        assert await reader.readuntil(b"\r\n") == b"HTTP/1.1 200 OK\r\n"
    writer.close()
