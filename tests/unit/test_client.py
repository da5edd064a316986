"""The client against a server that misbehaves: it resumes, gives up or reports as it should."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing, asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from shared.client import Client, Gap, Refused, Unreachable
from shared.messages import Completed, Event, Failed, encode
from shared.outcome import Outcome, follow_to_end
from shared.stack import Addresses

ID = "0" * 32
NOW = datetime(2026, 1, 1, tzinfo=UTC)
PROBLEM = b'{"status": 400, "title": "Bad Request", "detail": "no such lane", "field": "lane"}'


class Script:
    """An HTTP server that gives prepared answers in turn, and keeps the requests."""

    def __init__(self, *answers: bytes) -> None:
        self.answers = list(answers)
        self.requests: list[str] = []
        self.url = ""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        length = next(
            (
                int(line.partition(":")[2])
                for line in head.splitlines()
                if "ontent-" in line and line.lower().startswith("content-length")
            ),
            0,
        )
        body = await reader.readexactly(length)
        self.requests.append(head + body.decode(errors="replace"))
        writer.write(self.answers.pop(0))
        await writer.drain()
        writer.close()


@asynccontextmanager
async def running(script: Script) -> AsyncGenerator[Client]:
    server = await asyncio.start_server(script.serve, "127.0.0.1", 0)
    script.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    async with server, Client(Addresses(stream=script.url, ingest=script.url, key="k")) as client:
        yield client


def answer(status: str, kind: str, body: bytes) -> bytes:
    head = f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nConnection: close\r\n\r\n"
    return head.encode() + body


def frames(*events: Event | str, start: int = 1) -> bytes:
    parts = [
        f"event: {event.type}\nid: e-{number}\ndata: {encode(event).decode()}\n\n"
        if not isinstance(event, str)
        else event
        for number, event in enumerate(events, start)
    ]
    return answer("200 OK", "text/event-stream", "".join(parts).encode())


def failed(version: int = 1, recording: str = ID) -> Failed:
    return Failed(
        recording=recording,
        version=version,
        source="s",
        channel="c",
        time=NOW,
        code="not-audio",
        reason="why",
    )


def completed(version: int = 1) -> Completed:
    return Completed(
        recording=ID,
        version=version,
        source="s",
        channel="c",
        time=NOW,
        transcript="key",
        segments=0,
        duration=1.0,
        language=None,
        model="demo",
        processing=0.5,
    )


async def test_a_key_may_hold_any_letter():
    script = Script(answer("200 OK", "application/json", b"{}"))
    server = await asyncio.start_server(script.serve, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    async with server, Client(Addresses(stream=url, ingest=url, key="schlüssel")) as client:
        await client.get_json("/v1/status", dict[str, object])
    assert "x-api-key: schlüssel\r\n" in script.requests[0].lower()


async def test_a_stream_that_breaks_is_resumed_where_it_ended():
    script = Script(
        frames(failed(1), failed(2)),
        b"",
        answer("503 Service Unavailable", "application/problem+json", b"{}"),
        frames(failed(3), start=3),
    )
    async with running(script) as client, aclosing(client.follow({"source": ["s"]})) as events:
        found = [await anext(events) for _ in range(3)]
    assert found == [failed(1), failed(2), failed(3)]
    assert "last-event-id" not in script.requests[0].lower()
    for later in script.requests[1:]:
        assert "last-event-id: e-2\r\n" in later.lower()
    assert all("x-api-key: k\r\n" in request.lower() for request in script.requests)


async def test_a_gap_is_told_and_what_is_not_known_is_passed_over():
    script = Script(
        frames(
            ": comment\n\n",
            "event: of-a-newer-release\nid: e-9\ndata: {}\n\n",
            'event: gap\ndata: {"type": "gap", "reason": "too old"}\n\n',
        )
    )
    async with running(script) as client, aclosing(client.follow({})) as events:
        assert await anext(events) == Gap("too old")


async def test_a_request_that_can_never_succeed_is_not_repeated():
    script = Script(answer("400 Bad Request", "application/problem+json", PROBLEM))
    async with running(script) as client:
        with pytest.raises(Refused, match="400: no such lane") as caught:
            await anext(client.follow({}))
    assert (caught.value.status, caught.value.field) == (400, "lane")
    assert script.answers == []


async def test_an_upload_tells_its_progress_and_its_answer(tmp_path: Path):
    path = tmp_path / "a call.wav"
    path.write_bytes(b"x" * 150_000)
    accepted = b'{"id": "%s", "version": 1, "status": "accepted"' % ID.encode()
    accepted += b', "events": "e", "transcript": "t"}'
    script = Script(answer("202 Accepted", "application/json", accepted))
    sent: list[int] = []
    async with running(script) as client:
        found = await client.upload(path, {"lane": "urgent"}, sent.append)
    assert (found.id, found.version, found.status) == (ID, 1, "accepted")
    assert sum(sent) == 150_000
    assert len(sent) > 1
    assert script.requests[0].startswith("POST /v1/recordings?filename=a+call.wav&lane=urgent ")
    assert script.requests[0].endswith("x" * 150_000)


async def test_a_service_that_is_away_is_named(tmp_path: Path):
    (tmp_path / "call").write_bytes(b"x")
    script = Script()
    async with running(script):
        pass
    where = Addresses(stream=script.url, ingest=script.url)
    async with Client(where) as client:
        with pytest.raises(Unreachable, match=script.url):
            await client.upload(tmp_path / "call")


async def test_an_answer_that_is_no_problem_body_is_reported_too():
    script = Script(answer("404 Not Found", "text/html", b"<p>who?"))
    async with running(script) as client:
        with pytest.raises(Refused, match="404: Not Found"):
            await client.transcript(ID)


async def test_following_ends_with_the_version_that_was_asked_for():
    accepted = b'{"id": "%s", "version": 2, "status": "known", "events": "", "transcript": ""}'
    script = Script(
        answer("202 Accepted", "application/json", accepted % ID.encode()),
        frames(failed(1), completed(2), failed(3)),
    )
    async with running(script) as client:
        outcome = Outcome([await client.upload(Path(__file__))])
        found = [event async for event in follow_to_end(client, outcome)]
    assert found == [completed(2)]
    assert (outcome.pending, list(outcome.completed), outcome.failed) == (set(), [ID], {})


async def test_a_call_that_comes_too_soon_is_made_again(tmp_path: Path):
    path = tmp_path / "call.wav"
    path.write_bytes(b"audio")
    accepted = b'{"id": "1", "version": 1, "status": "accepted", "events": "", "transcript": ""}'
    soon = answer("429 Too Many Requests\r\nRetry-After: 0", "application/problem+json", b"{}")
    script = Script(soon, soon, answer("202 Accepted", "application/json", accepted))
    async with running(script) as client:
        found = await client.upload(path)
    assert found.status == "accepted"
    assert [request.partition("\r\n\r\n")[2] for request in script.requests] == ["audio"] * 3
