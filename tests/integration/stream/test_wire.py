"""The contract of a reader's connection, kept by both kinds, over real sockets."""

import asyncio
import socket
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass

import pytest
import uvicorn

from services.stream.connection import StreamProtocol, connection_of
from services.stream.wire import HIGH_WATER, DirectWire, SendWire, Wire, chunked
from shared.asgi import Receive, Scope, Send

DEADLINE = 20.0
KINDS = ["direct", "send"]


@dataclass
class Served:
    """A response that has begun, and its client."""

    wire: Wire
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    end: asyncio.Event
    changes: asyncio.Queue[None]

    async def until(self, holds: Callable[[], bool]) -> None:
        async with asyncio.timeout(DEADLINE):
            while not holds():
                await self.changes.get()


class App:
    """Hands out the wire of its one response."""

    def __init__(self, kind: str) -> None:
        self._kind = kind
        self.wire: asyncio.Future[Wire] = asyncio.get_running_loop().create_future()
        self.end = asyncio.Event()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        assert scope["type"] == "http"
        await send({"type": "http.response.start", "status": 200, "headers": []})
        connection = connection_of(scope)
        assert connection is not None
        if self._kind == "direct":
            self.wire.set_result(connection.attach(str(scope["http_version"])))
            await self.end.wait()
            connection.detach()
        else:
            await self._by_send(receive, send)
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _by_send(self, receive: Receive, send: Send) -> None:
        wire = SendWire(send)
        self.wire.set_result(wire)
        pump = asyncio.ensure_future(wire.pump())
        gone = asyncio.ensure_future(self._gone(receive, wire))
        await self.end.wait()
        await wire.flush()
        pump.cancel()
        gone.cancel()

    async def _gone(self, receive: Receive, wire: SendWire) -> None:
        message: Mapping[str, object] = {"type": ""}
        while message["type"] != "http.disconnect":
            message = await receive()
        wire.on_lost()


@asynccontextmanager
async def served(kind: str, version: str = "1.1") -> AsyncGenerator[Served]:
    app = App(kind)
    config = uvicorn.Config(app, http=StreamProtocol, lifespan="off", log_config=None)
    server = uvicorn.Server(config)
    listener = socket.create_server(("127.0.0.1", 0))
    serving = asyncio.create_task(server.serve([listener]))
    reader, writer = await asyncio.open_connection(*listener.getsockname(), limit=2**16)
    writer.write(f"GET / HTTP/{version}\r\nHost: x\r\n\r\n".encode())
    async with asyncio.timeout(DEADLINE):
        wire = await app.wire
        await reader.readuntil(b"\r\n\r\n")
    changes: asyncio.Queue[None] = asyncio.Queue()
    wire.notify = lambda: changes.put_nowait(None)
    try:
        yield Served(wire, reader, writer, app.end, changes)
    finally:
        app.end.set()
        writer.close()
        server.should_exit = True
        await serving
        listener.close()


async def write_until_slow(each: Served) -> int:
    """Write until the wire says that it is enough; how often that was."""
    piece = each.wire.framing(b"x" * 8192)
    written = 0
    async with asyncio.timeout(DEADLINE):
        while each.wire.writable:
            each.wire.write(piece)
            written += 1
            await asyncio.sleep(0)
    return written


@pytest.mark.parametrize("kind", KINDS)
async def test_what_is_written_arrives_in_order_and_the_response_ends_well(kind: str) -> None:
    async with served(kind) as each:
        for piece in (b"one", b"two"):
            each.wire.write(each.wire.framing(piece))
        each.end.set()
        async with asyncio.timeout(DEADLINE):
            body = await each.reader.readuntil(b"0\r\n\r\n")
    assert body.replace(b"\r\n3\r\n", b"|") in (
        b"3\r\none|two\r\n0\r\n\r\n",
        b"6\r\nonetwo\r\n0\r\n\r\n",
    )


@pytest.mark.parametrize("kind", KINDS)
async def test_a_client_of_http_1_0_gets_the_body_as_it_is(kind: str) -> None:
    async with served(kind, version="1.0") as each:
        each.wire.write(each.wire.framing(b"one"))
        each.end.set()
        async with asyncio.timeout(DEADLINE):
            assert await each.reader.read() == b"one"


@pytest.mark.parametrize("kind", KINDS)
async def test_a_reader_that_stalls_makes_it_unwritable_and_its_reading_writable(kind: str) -> None:
    async with served(kind) as each:
        # The client's own buffers take some before it stops reading.
        written = await write_until_slow(each)
        assert not each.wire.lost
        async with asyncio.timeout(DEADLINE):
            left = written * 8192
            while left:
                left -= (await each.reader.read(2**16)).count(b"x")
        await each.until(lambda: each.wire.writable)


@pytest.mark.parametrize("kind", KINDS)
async def test_a_reader_that_leaves_is_told_of(kind: str) -> None:
    async with served(kind) as each:
        each.writer.transport.abort()
        await each.until(lambda: each.wire.lost)
        assert not each.wire.writable
        each.wire.write(each.wire.framing(b"to nobody"))


async def test_what_a_stalled_reader_left_does_not_stay_in_the_kernel() -> None:
    async with served("direct") as each:
        await write_until_slow(each)
        each.wire.abort()
        await each.until(lambda: each.wire.lost)
        with pytest.raises(ConnectionResetError):
            await _rest(each.reader)


async def _rest(reader: asyncio.StreamReader) -> None:
    async with asyncio.timeout(DEADLINE):
        while await reader.read(2**16):
            pass


async def test_the_kernel_takes_little_for_a_reader_that_stalls() -> None:
    async with served("direct") as each:
        assert isinstance(each.wire, DirectWire)
        room = each.writer.get_extra_info("socket").getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF)
        written = await write_until_slow(each) * 8192
        assert written < 2 * room + 4 * HIGH_WATER


async def test_a_write_to_a_transport_that_is_closed_says_so_quietly() -> None:
    async with served("direct") as each:
        each.writer.transport.abort()
        each.wire.abort()
        each.wire.write(each.wire.framing(b"late"))
        await each.until(lambda: each.wire.lost)


async def test_a_connection_that_is_gone_before_its_response_begins_is_lost() -> None:
    async with served("direct") as each:
        assert isinstance(each.wire, DirectWire)
        each.wire.abort()
        await each.until(lambda: each.wire.lost)
        assert DirectWire(each.wire.transport, chunked).lost
