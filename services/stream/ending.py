"""A response that ends with the credential that asked for it, and says so."""

import asyncio

from litestar.types import ASGIApp, Message, Receive, Scope, Send

from services.stream.sse import ended_frame
from shared.key_ring import KeyRing
from shared.keys import Credential

_PATIENCE = 5.0
"""Seconds that the last words to a reader may take."""


class UntilEnded:
    """An event stream, for as long as its credential counts."""

    def __init__(self, stream: ASGIApp, ring: KeyRing, credential: Credential) -> None:
        self._stream = stream
        self._ring = ring
        self._credential = credential

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the stream; at the credential's end an event `ended`, and nothing after it."""
        wire = _Wire(send, open_to_all=self._credential.filters is not None)
        with self._ring.watching(self._credential) as ended:
            sending = asyncio.ensure_future(_run(self._stream, scope, receive, wire))
            try:
                await asyncio.wait({sending, ended}, return_when=asyncio.FIRST_COMPLETED)
                if sending.done():
                    sending.result()
                    return
            finally:
                sending.cancel()
                await asyncio.gather(sending, return_exceptions=True)
            await wire.end(ended_frame(ended.result()))


class _Wire:
    """What is sent, and how far the response is."""

    def __init__(self, send: Send, *, open_to_all: bool) -> None:
        """`open_to_all`: pages of other origins may read it."""
        self._send = send
        self._open_to_all = open_to_all
        self._begun = False
        self._over = False

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._begun = True
            if self._open_to_all:
                shared = [(b"access-control-allow-origin", b"*")]
                message["headers"] = [*message["headers"], *shared]
        elif message["type"] == "http.response.body":
            self._over = not message["more_body"]
        await self._send(message)

    async def end(self, frame: bytes) -> None:
        if not self._begun or self._over:
            return
        async with asyncio.timeout(_PATIENCE):
            await self._send({"type": "http.response.body", "body": frame, "more_body": True})
            await self._send({"type": "http.response.body", "body": b"", "more_body": False})


async def _run(stream: ASGIApp, scope: Scope, receive: Receive, wire: _Wire) -> None:
    await stream(scope, receive, wire.send)
