"""What there is to reach: a server that does nothing but write, on uvloop's transports.

    python -m benchmarks.fanout_bare each|joined

`each` writes every event to every client by itself; `joined` writes what one turn of the loop
brought as one piece, framed once. Commands come by standard input; see `benchmarks.fanout_control`.
"""

import asyncio
import sys

import uvloop

from benchmarks.fanout_control import Events, serve_commands

_HEAD = (
    b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncache-control: no-store\r\n"
    b"transfer-encoding: chunked\r\n\r\n"
)


class Connection(asyncio.Protocol):
    """Answers whatever is asked by an endless response."""

    def __init__(self, everyone: set[asyncio.Transport]) -> None:
        self._everyone = everyone

    # Named as asyncio calls it.
    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Remember it."""
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """The request; it is not looked at."""
        if data.endswith(b"\r\n\r\n"):
            self._transport.write(_HEAD)
            self._everyone.add(self._transport)

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget it."""
        del exc
        self._everyone.discard(self._transport)


def _chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


async def main(joined: bool) -> None:
    """Serve until standard input ends."""
    everyone: set[asyncio.Transport] = set()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Connection(everyone), "127.0.0.1", 0, backlog=4096)
    events = Events()

    async def publish(count: int) -> None:
        frames = [_frame(*event) for event in events.next(count)]
        for frame in [b"".join(frames)] if joined else frames:
            chunk = _chunk(frame)
            for transport in everyone:
                transport.write(chunk)

    await serve_commands(server.sockets[0].getsockname()[1], publish)


def _frame(sequence: int, kind: str, data: bytes) -> bytes:
    return b"event: %b\nid: epoch-%d\ndata: %b\n\n" % (kind.encode(), sequence, data)


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main(sys.argv[1] == "joined"))
