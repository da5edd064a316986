"""The seam to uvicorn: an ASGI application that may reach its connection's transport.

ASGI offers no way to end a connection whose reader has stalled: a close waits for it to read.
"""

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import cast

from uvicorn.protocols.http.h11_impl import H11Protocol

from shared.asgi import Receive, Send

EXTENSION = "echobase.transport"


class StreamProtocol(H11Protocol):
    """uvicorn's HTTP/1.1, which puts its transport into `scope["extensions"]`."""

    # Named as uvicorn calls it.
    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Remember the application; every request's scope gets the transport from here on."""
        super().connection_made(transport)
        inner = cast(Callable[..., Awaitable[None]], self.app)

        async def app(scope: MutableMapping[str, object], receive: Receive, send: Send) -> None:
            given = cast(dict[str, object], scope.get("extensions") or {})
            scope["extensions"] = given | {EXTENSION: transport}
            await inner(scope, receive, send)

        self.app = app


def transport_of(scope: object) -> asyncio.Transport | None:
    """The request's transport; None on a server that has not the seam."""
    given = cast(MutableMapping[str, object], scope).get("extensions")
    if not isinstance(given, dict):
        return None
    return cast(dict[str, asyncio.Transport], given).get(EXTENSION)
