"""A TCP proxy in front of a server, which swallows what a test tells it to swallow."""

import asyncio
from collections.abc import Callable

Swallow = Callable[[bytes], bool]


class Proxy:
    """Listens on a free port of loopback and passes everything on, but for what is swallowed."""

    def __init__(self, host: str, port: int) -> None:
        self._target = host, port
        self._swallow: Swallow | None = None
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._writers: set[asyncio.StreamWriter] = set()
        self.swallowed = 0
        """How many pieces of answers were swallowed."""

    @property
    def url(self) -> str:
        """Where a NATS client connects to."""
        assert self._server is not None
        return f"nats://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    def swallow(self, which: Swallow) -> None:
        """Lose the next piece of an answer for which this holds, and cut the connection."""
        self._swallow = which

    async def __aenter__(self) -> "Proxy":
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        self._cut()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, to_there = await asyncio.open_connection(*self._target)
        self._writers |= {writer, to_there}
        for source, sink, answers in ((reader, to_there, False), (there, writer, True)):
            task = asyncio.create_task(self._pass_on(source, sink, answers=answers))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _pass_on(
        self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, *, answers: bool
    ) -> None:
        try:
            while piece := await source.read(65_536):
                if answers and self._swallow is not None and self._swallow(piece):
                    self._swallow = None
                    self.swallowed += 1
                    self._cut()
                    return
                sink.write(piece)
                await sink.drain()
        except OSError:
            pass
        finally:
            sink.close()

    def _cut(self) -> None:
        for writer in self._writers:
            writer.close()
        self._writers.clear()
