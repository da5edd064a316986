"""Reads what a client still sends after its request was answered.

A server that closes a connection with unread bytes resets it, and the client may lose the answer:
it would see a broken connection instead of the problem that says what was wrong.
"""

import asyncio
from collections.abc import Iterable, Mapping
from typing import cast

from shared.asgi import AsgiApp, Receive, Scope, Send

MOST = 64 * 1024**2
"""Bytes that are read at most."""
LONGEST = 5.0
"""Seconds that are spent at most."""


class ReadLeftover:
    """An ASGI application around another one: an early answer waits until the body has come."""

    def __init__(self, app: AsgiApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        body = _Body(receive, expects=_expects_continue(scope))

        async def after_the_body(message: Mapping[str, object]) -> None:
            if message["type"] == "http.response.start":
                await body.discard()
            await send(message)

        await self._app(scope, body.receive, after_the_body)


class _Body:
    def __init__(self, receive: Receive, expects: bool) -> None:
        self._receive = receive
        # A client that waits for `100 Continue` has sent nothing, and need not.
        self._unasked = expects
        self._ended = False

    async def receive(self) -> Mapping[str, object]:
        self._unasked = False
        message = await self._receive()
        self._ended = message["type"] != "http.request" or not message.get("more_body")
        return message

    async def discard(self) -> None:
        if self._unasked:
            return
        size = 0
        try:
            async with asyncio.timeout(LONGEST):
                while not self._ended and size < MOST:
                    message = await self.receive()
                    body = message.get("body")
                    size += len(body) if isinstance(body, bytes) else 0
        except TimeoutError:
            return


def _expects_continue(scope: Scope) -> bool:
    headers = cast(Iterable[tuple[bytes, bytes]], scope["headers"])
    return any(k == b"expect" and v.lower() == b"100-continue" for k, v in headers)
