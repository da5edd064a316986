"""Many readers of one server, in this process; and the figures of one measured run."""

import asyncio
import json
import os
import shutil
import sys
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, Self

import msgspec

PATIENCE = 120.0
"""Seconds after which a delivery counts as lost."""
_END = b"\n\n"
_MARK = b"event: segment"


class Usage(msgspec.Struct):
    """What a server's process has used."""

    cpu: float
    """Seconds."""
    rss: int
    """Bytes."""


class Server(Protocol):
    """A server under measurement."""

    port: int
    path: str

    async def publish(self, count: int) -> None:
        """Let it send so many events at once."""
        ...

    async def usage(self) -> Usage:
        """What it has used so far."""
        ...


@dataclass
class Child:
    """One of our own, told by its standard input."""

    port: int
    path: str
    process: asyncio.subprocess.Process

    async def publish(self, count: int) -> None:
        """Let it send so many events at once."""
        assert self.process.stdin is not None
        self.process.stdin.write(b"publish %d\n" % count)

    async def usage(self) -> Usage:
        """What it has used so far."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(b"usage\n")
        return msgspec.json.decode(await self.process.stdout.readline(), type=Usage)


@asynccontextmanager
async def child(module: str, *arguments: str, path: str) -> AsyncGenerator[Child]:
    """A server of ours, on a core of its own where there are two."""
    command = [*_pin(0), sys.executable, "-m", module, *arguments]
    process = await asyncio.create_subprocess_exec(
        *command,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        env={**os.environ, "ECHOBASE_LOG_LEVEL": "error", "ECHOBASE_ROTATE": "0"},
    )
    assert process.stdout is not None
    assert process.stdin is not None
    port = json.loads(await process.stdout.readline())["port"]
    yield Child(port, path, process)
    process.stdin.close()
    async with asyncio.timeout(PATIENCE):
        await process.wait()


class Reader(asyncio.Protocol):
    """One reader; it counts what it is sent and keeps none of it."""

    def __init__(self, load: "Load") -> None:
        self._load = load
        self._rest = b""

    # Named as asyncio calls it.
    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Ask."""
        self._load.transports.append(transport)
        transport.write(
            f"GET {self._load.path} HTTP/1.1\r\nHost: localhost\r\n"
            "Accept: text/event-stream\r\n\r\n".encode()
        )

    def data_received(self, data: bytes) -> None:
        """Count the events."""
        # An event's beginning may be cut in two.
        whole = self._rest + data
        found = whole.count(_MARK)
        self._rest = whole[-(len(_MARK) - 1) :]
        if not found and not self._load.all_open:
            self._load.opened(self)
        if found:
            self._load.delivered(found)


class Load:
    """All readers of a server."""

    def __init__(self, path: str, readers: int) -> None:
        self.path = path
        self.transports: list[asyncio.Transport] = []
        self.readers = readers
        self._open: set[Reader] = set()
        self._due = 0
        self._reached = asyncio.Event()

    @property
    def all_open(self) -> bool:
        """Whether each has its answer."""
        return len(self._open) == self.readers

    async def connect(self, port: int) -> None:
        """Connect them all, and wait until each is answered."""
        loop = asyncio.get_running_loop()
        for start in range(0, self.readers, 50):
            some = range(start, min(start + 50, self.readers))
            await asyncio.gather(
                *(loop.create_connection(lambda: Reader(self), "127.0.0.1", port) for _ in some)
            )
        await self._wait()

    async def expect(self, events: int) -> None:
        """Wait until each has been sent so many more."""
        self._due += events * self.readers
        if self._due > 0:
            await self._wait()

    def opened(self, reader: Reader) -> None:
        """A reader has its answer."""
        self._open.add(reader)
        if self.all_open:
            self._reached.set()

    def delivered(self, events: int) -> None:
        """One reader was sent these."""
        self._due -= events
        if self._due == 0:
            self._reached.set()

    def close(self) -> None:
        """All leave."""
        for transport in self.transports:
            transport.abort()

    async def _wait(self) -> None:
        async with asyncio.timeout(PATIENCE):
            await self._reached.wait()
        self._reached.clear()


@dataclass(frozen=True)
class Figures:
    """Of one server with so many readers; a figure for each round."""

    single: Sequence[float]
    """Microseconds of the server's CPU for each delivery, one event in flight."""
    burst: Sequence[float]
    """The same, with sixteen in flight."""
    memory: float
    """KiB for each connection."""


BURST = 16
_FIRST = 10
"""Readers that come and go before memory is looked at: what a server loads for its first reader it
keeps for all."""


class Measured:
    """A server under measurement, with its readers."""

    def __init__(self, server: Server, load: Load, events: int, memory: float) -> None:
        self._server = server
        self._load = load
        self._events = events
        self._memory = memory
        self._single: list[float] = []
        self._burst: list[float] = []

    @classmethod
    async def of(cls, server: Server, readers: int, deliveries: int) -> Self:
        """Connect the readers; a round will have about so many deliveries of each kind."""
        await _first(server)
        load = Load(server.path, readers)
        before = await server.usage()
        await load.connect(server.port)
        memory = ((await server.usage()).rss - before.rss) / readers / 1024
        await _round(server, load, 3, 1)
        return cls(server, load, max(2, deliveries // readers), memory)

    async def round(self) -> None:
        """Measure once."""
        self._single.append(await _round(self._server, self._load, self._events, 1))
        bursts = max(1, self._events // BURST) * 4
        self._burst.append(await _round(self._server, self._load, bursts, BURST))

    @property
    def figures(self) -> Figures:
        """Over all rounds."""
        return Figures(self._single, self._burst, self._memory)

    def close(self) -> None:
        """The readers leave."""
        self._load.close()


async def _first(server: Server) -> None:
    load = Load(server.path, _FIRST)
    await load.connect(server.port)
    await _round(server, load, 3, 1)
    load.close()


async def _round(server: Server, load: Load, times: int, size: int) -> float:
    """Microseconds of CPU for each delivery."""
    before = await server.usage()
    for _ in range(times):
        await server.publish(size)
        await load.expect(size)
    used = (await server.usage()).cpu - before.cpu
    return used / (times * size * load.readers) * 1e6


def _pin(core: int) -> list[str]:
    if Path("/usr/bin/taskset").exists() and len(os.sched_getaffinity(0)) > 1:
        return [shutil.which("taskset") or "taskset", "-c", str(core)]
    return []
