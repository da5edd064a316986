"""What clients do on the wire that a library's client would not."""

import asyncio
from collections.abc import AsyncGenerator
from pathlib import Path

import msgspec
import pytest

from services.ingest import body
from shared.memory_bus import MemoryBus
from shared.memory_store import MemoryStore
from tests.support import audio_files
from tests.support.ingest import MIB, Ingest, files, serving, until

WAV = audio_files.wav()


class Wire:
    """A connection, byte by byte."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    async def send(self, *lines: str, body: bytes = b"") -> None:
        """A request's head of these lines, and bytes of its body."""
        head = "\r\n".join((*lines, "Host: localhost", "", "")).encode()
        self.writer.write(head + body)
        await self.writer.drain()

    async def answer(self) -> tuple[int, dict[str, object]]:
        """Status and JSON of one answer."""
        async with asyncio.timeout(20.0):
            head = (await self.reader.readuntil(b"\r\n\r\n")).decode().lower()
            length = next(
                (
                    int(line[15:])
                    for line in head.split("\r\n")
                    if line.startswith("content-length:")
                ),
                0,
            )
            content = await self.reader.readexactly(length)
        status = int(head.split()[1])
        return status, msgspec.json.decode(content or b"{}", type=dict[str, object])


@pytest.fixture
async def ingest(tmp_path: Path) -> AsyncGenerator[Ingest, None]:
    """The service."""
    async with serving(tmp_path, MemoryStore(), MemoryBus()) as service:
        yield service


@pytest.fixture
async def wire(ingest: Ingest) -> AsyncGenerator[Wire, None]:
    """A connection to it."""
    connection = Wire(*await asyncio.open_connection("127.0.0.1", ingest.port))
    yield connection
    connection.writer.close()


POST = "POST /v1/recordings HTTP/1.1"
TYPE = "Content-Type: audio/wav"


async def test_the_body_of_a_request_that_offers_http2_is_kept(ingest: Ingest, wire: Wire) -> None:
    # Java's HttpClient, hence SDRTrunk, offers it with every first request of a connection.
    await wire.send(
        POST,
        TYPE,
        f"Content-Length: {len(WAV)}",
        "Connection: Upgrade, HTTP2-Settings",
        "Upgrade: h2c",
        "HTTP2-Settings: AAEAAEAAAAIAAAABAAMAAABkAAQBAAAAAAUAAEAA",
        body=WAV,
    )
    status, answer = await wire.answer()
    assert (status, answer["status"]) == (202, "accepted")
    (held,) = ingest.spool.held
    assert ingest.spool.audio(held).read_bytes() == WAV


async def test_a_chunked_body_that_offers_http2_is_kept(wire: Wire) -> None:
    half = len(WAV) // 2
    chunks = b"".join(b"%x\r\n%s\r\n" % (len(c), c) for c in (WAV[:half], WAV[half:]))
    await wire.send(
        POST,
        TYPE,
        "Transfer-Encoding: chunked",
        "Connection: Upgrade, HTTP2-Settings",
        "Upgrade: h2c",
        "HTTP2-Settings: AAEAAEAAAAIAAAABAAMAAABkAAQBAAAAAAUAAEAA",
        body=chunks + b"0\r\n\r\n",
    )
    assert (await wire.answer())[0] == 202


async def test_a_client_that_waits_for_100_continue_is_told(wire: Wire) -> None:
    await wire.send(POST, TYPE, f"Content-Length: {len(WAV)}", "Expect: 100-continue")
    assert (await wire.answer())[0] == 100
    wire.writer.write(WAV)
    assert (await wire.answer())[0] == 202


async def test_a_client_that_waits_and_cannot_succeed_is_spared_the_body(wire: Wire) -> None:
    await wire.send(POST, TYPE, f"Content-Length: {100 * MIB}", "Expect: 100-continue")
    status, answer = await wire.answer()
    assert (status, answer["field"]) == (413, "file")


async def test_an_upload_that_says_it_is_too_large_is_answered_though_it_is_sent(
    ingest: Ingest, wire: Wire
) -> None:
    size = 20 * MIB
    await wire.send(POST, TYPE, f"Content-Length: {size}", body=bytes(size))
    status, answer = await wire.answer()
    assert (status, answer["type"]) == (413, "urn:echobase:too-large")
    assert files(ingest.spool.folder) == []


@pytest.mark.parametrize("size", [100, 600_000])
async def test_a_client_that_goes_away_leaves_nothing(
    ingest: Ingest, wire: Wire, size: int
) -> None:
    await wire.send(POST, TYPE, "Content-Length: 1000000", body=WAV[:44] + bytes(size))
    incoming = ingest.spool.folder / "incoming"
    await until(lambda: list(incoming.iterdir()))
    wire.writer.close()
    await until(lambda: not list(incoming.iterdir()))
    assert files(ingest.spool.folder) == []
    await until(lambda: ingest.spool.room.used == 0)


async def test_a_client_that_stalls_is_answered_and_leaves_nothing(
    ingest: Ingest, wire: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(body.chunks, "__defaults__", (0.05,))
    monkeypatch.setattr("services.ingest.leftover.LONGEST", 0.05)
    await wire.send(POST, TYPE, "Content-Length: 1000000", body=WAV)
    status, answer = await wire.answer()
    assert (status, answer["type"]) == (408, "urn:echobase:too-slow")
    await until(lambda: files(ingest.spool.folder) == [])


async def test_what_is_no_http_is_answered(wire: Wire) -> None:
    wire.writer.write(b"\x16\x03\x01 this is not HTTP\r\n\r\n")
    async with asyncio.timeout(20.0):
        assert (await wire.reader.readline()).startswith(b"HTTP/1.1 400")
