"""One reader's connection, as the hub sees it: written to without waiting.

Resuming a task and the ASGI chain for each write costs as much again as the kernel's TCP, so an
event goes straight to the transport where the server lets us reach it (`DirectWire`), and through
`send` where it does not (`SendWire`).
"""

import asyncio
import socket
import struct
from collections.abc import Callable
from typing import Protocol

from shared.asgi import Send

Framing = Callable[[bytes], bytes]
"""From the bytes of the body to those that are written."""

HIGH_WATER = 64 * 1024
"""Bytes that wait in the process for one reader before it counts as slow."""
_NOT_SENT = 16 * 1024
"""Bytes that the kernel takes beyond what the reader's side has room for."""


def plain(data: bytes) -> bytes:
    """As it is: the body ends with the connection, or another one frames it."""
    return data


def chunked(data: bytes) -> bytes:
    """One chunk of HTTP/1.1's transfer coding (RFC 9112, 7.1)."""
    return b"%x\r\n%b\r\n" % (len(data), data)


class Wire(Protocol):
    """What is written to; `notify` is called when `writable` or `lost` changes."""

    notify: Callable[[], None]

    @property
    def framing(self) -> Framing:
        """What is to be done with bytes before they are written."""
        ...

    @property
    def writable(self) -> bool:
        """Whether what is written leaves soon."""
        ...

    @property
    def lost(self) -> bool:
        """Whether the connection is gone."""
        ...

    def write(self, data: bytes) -> None:
        """Write what `framing` gave. Raises nothing; what a lost connection is given is lost."""
        ...

    def abort(self) -> None:
        """End the connection now, with whatever waits for its reader."""
        ...


def _nobody() -> None:
    """Until somebody watches the wire."""


class DirectWire:
    """Writes to the transport itself, whose protocol says how it fares."""

    def __init__(self, transport: asyncio.Transport, framing: Framing) -> None:
        self._framing: Framing = framing
        self.notify: Callable[[], None] = _nobody
        self.transport = transport
        self._paused = False
        self._lost = transport.is_closing()
        if not self._lost:
            transport.set_write_buffer_limits(high=HIGH_WATER)
            _limit_unsent(transport)

    @property
    def framing(self) -> Framing:
        """Chunks, or none for HTTP/1.0."""
        return self._framing

    @property
    def writable(self) -> bool:
        """Whether less than HIGH_WATER bytes wait."""
        return not self._paused and not self._lost

    @property
    def lost(self) -> bool:
        """Whether the protocol said so."""
        return self._lost

    def write(self, data: bytes) -> None:
        """Write at once."""
        if self._lost:
            return
        try:
            self.transport.write(data)
        except RuntimeError:
            # uvloop says so of a transport that is closed and has not yet told its protocol.
            self.on_lost()

    def abort(self) -> None:
        """Reset the connection: a close would keep in the kernel what a stalled reader left."""
        raw = self.transport.get_extra_info("socket")
        if raw is not None and not self._lost:
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.transport.abort()

    def on_paused(self, paused: bool) -> None:
        """Called by the protocol."""
        self._paused = paused
        self.notify()

    def on_lost(self) -> None:
        """Called by the protocol."""
        self._lost = True
        self.notify()


class SendWire:
    """Writes by ASGI's `send`, from a task of its own."""

    def __init__(self, send: Send) -> None:
        self.framing: Framing = plain
        self.notify: Callable[[], None] = _nobody
        self._send = send
        self._waiting: list[bytes] = []
        self._bytes = 0
        self._lost = False
        self._arrived = asyncio.Event()

    @property
    def writable(self) -> bool:
        """Whether less than HIGH_WATER bytes wait."""
        return self._bytes < HIGH_WATER and not self._lost

    @property
    def lost(self) -> bool:
        """Whether `on_lost` was called."""
        return self._lost

    def write(self, data: bytes) -> None:
        """Leave it to `pump`."""
        self._waiting.append(data)
        self._bytes += len(data)
        self._arrived.set()
        if not self.writable:
            self.notify()

    def abort(self) -> None:
        """Send nothing more; who serves the request ends it."""
        self.on_lost()

    def on_lost(self) -> None:
        """The reader has left."""
        self._lost = True
        self._arrived.set()
        self.notify()

    async def pump(self) -> None:
        """Send what is written, until the wire is lost."""
        while not self._lost:
            await self._arrived.wait()
            self._arrived.clear()
            await self.flush()

    async def flush(self) -> None:
        """Send what waits."""
        while self._waiting and not self._lost:
            data, self._waiting = b"".join(self._waiting), []
            await self._send({"type": "http.response.body", "body": data, "more_body": True})
            self._bytes -= len(data)
            self.notify()


def _limit_unsent(transport: asyncio.Transport) -> None:
    raw = transport.get_extra_info("socket")
    option: int | None = getattr(socket, "TCP_NOTSENT_LOWAT", None)
    if raw is not None and option is not None and raw.family != socket.AF_UNIX:
        raw.setsockopt(socket.IPPROTO_TCP, option, _NOT_SENT)
