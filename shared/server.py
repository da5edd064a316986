"""uvicorn, made to end in bounded time and to leave signals to `shared.lifecycle`."""

import asyncio
import contextlib
import logging
import socket
from collections.abc import Callable, Generator
from typing import Literal

import uvicorn

from shared.asgi import AsgiApp
from shared.head import answer_head

_NOTICE = 0.1
"""Seconds that a handler has to notice that its connection was cut."""


def _of_interest(record: logging.LogRecord) -> bool:
    """Whether a record of uvicorn's is one to keep.

    It warns twice of each request that offers another protocol. Java's client does so with every
    one of them, and each is served all the same.
    """
    return not record.getMessage().startswith(("Unsupported upgrade", "No supported WebSocket"))


HttpProtocol = Literal["h11", "httptools", "auto"] | type[asyncio.Protocol]


class DrainingServer(uvicorn.Server):
    """Serves until `stopping`; then ends requests politely, and after a while by force.

    Stock uvicorn waits for ever for a response that does not end, such as an event stream.
    """

    def __init__(
        self, app: AsgiApp, http: HttpProtocol, *, cut_after: float, on_start: Callable[[], None]
    ) -> None:
        """`cut_after`: seconds from the order to stop until open connections are cut."""
        logging.getLogger("uvicorn.error").addFilter(_of_interest)
        super().__init__(
            uvicorn.Config(
                answer_head(app),
                http=http,
                ws="none",
                lifespan="on",
                log_config=None,
                access_log=False,
                server_header=False,
                # Whoever can reach the port could otherwise claim any address and scheme.
                proxy_headers=False,
            )
        )
        self._cut_after = cut_after
        self._on_start = on_start

    async def serve_until(self, stopping: asyncio.Event, listener: socket.socket) -> None:
        """Serve on a bound socket; returns when every request has ended or was cut."""
        watch = asyncio.create_task(self._exit_when(stopping))
        try:
            await self.serve([listener])
        except SystemExit:
            # How uvicorn says it; the reason is in the log already.
            raise RuntimeError("the application did not start") from None
        finally:
            watch.cancel()
            listener.close()

    async def _exit_when(self, stopping: asyncio.Event) -> None:
        await stopping.wait()
        self.should_exit = True

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        """Leave the process's signals alone."""
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, then say so."""
        await super().startup(sockets)
        self._on_start()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop accepting, wait for the requests in hand, cut what is left."""
        cut = asyncio.get_running_loop().call_later(self._cut_after, self._cut)
        try:
            await super().shutdown(sockets)
        finally:
            cut.cancel()

    def _cut(self) -> None:
        for connection in list(self.server_state.connections):
            # Abort, since a close would wait for a reader that has stalled.
            connection.transport.abort()
        # What its handler has not noticed by then, it never will.
        asyncio.get_running_loop().call_later(_NOTICE, self._cancel)

    def _cancel(self) -> None:
        for task in list(self.server_state.tasks):
            task.cancel("the service is stopping")
