"""The seam to uvicorn: an ASGI application that may write to its connection's transport.

ASGI offers neither a write that does not wait nor a way to end a connection whose reader has
stalled. What of uvicorn is relied on is in tests/integration/stream/test_wire.py.
"""

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import cast

from uvicorn.protocols.http.h11_impl import H11Protocol

from services.stream.wire import DirectWire, chunked, plain
from shared.asgi import Receive, Send

EXTENSION = "echobase.connection"


class StreamProtocol(H11Protocol):
    """uvicorn's HTTP/1.1, which puts itself into `scope["extensions"]`."""

    _wire: DirectWire | None = None

    # Named as uvicorn calls it.
    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Remember the application; every request's scope gets the connection from here on."""
        super().connection_made(transport)
        inner = self._inner = cast(Callable[..., Awaitable[None]], self.app)

        async def app(scope: MutableMapping[str, object], receive: Receive, send: Send) -> None:
            given = cast(dict[str, object], scope.get("extensions") or {})
            scope["extensions"] = given | {EXTENSION: self}
            try:
                await inner(scope, receive, send)
            finally:
                # What refers to itself is kept until somebody looks for it, which is seldom here.
                scope["extensions"] = given

        self.app = app

    def attach(self, http_version: str) -> DirectWire:
        """The wire of the response that has begun; it lasts until `detach`."""
        # h11 sends no transfer coding to HTTP/1.0: there the body ends with the connection.
        framing = plain if http_version == "1.0" else chunked
        self._wire = DirectWire(self.transport, framing)
        return self._wire

    def detach(self) -> None:
        """The response is uvicorn's own again."""
        if self._wire:
            self._wire.close()
        self._wire = None

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell the wire too."""
        super().connection_lost(exc)
        self.app = self._inner
        if self._wire:
            self._wire.on_lost()

    def pause_writing(self) -> None:
        """Tell the wire too."""
        super().pause_writing()
        if self._wire:
            self._wire.on_paused(True)

    def resume_writing(self) -> None:
        """Tell the wire too."""
        super().resume_writing()
        if self._wire:
            self._wire.on_paused(False)


def connection_of(scope: object) -> StreamProtocol | None:
    """The request's connection; None on a server that has not the seam."""
    given = cast(MutableMapping[str, object], scope).get("extensions")
    if not isinstance(given, dict):
        return None
    return cast(dict[str, StreamProtocol], given).get(EXTENSION)
