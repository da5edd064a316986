"""One reader's connection, as the hub sees it: written to without waiting.

Resuming a task and the ASGI chain for each write costs as much again as the kernel's TCP, so an
event goes straight to the transport where the server lets us reach it (`DirectWire`), and through
`send` where it does not (`SendWire`).
"""

import asyncio
import os
import socket
import struct
from collections.abc import Callable
from typing import Protocol

from shared.asgi import Send

Framing = Callable[[bytes], bytes]
"""From the bytes of the body to those that are written."""

HIGH_WATER = 64 * 1024
"""Bytes that are written at once to a reader that is behind, and that may wait for one that is
written to through `send`."""
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

    @property
    def file(self) -> int | None:
        """Where `framing`'s bytes may go as long as the wire is writable, past `write`; or None.

        What the descriptor does not take, `write` has to be given. It is for a loop over thousands
        of wires: there the transports' own objects, a page of memory each, cost as much again.
        """
        ...

    def write(self, data: bytes) -> None:
        """Write what `framing` gave. Raises nothing; what a lost connection is given is lost."""
        ...

    def abort(self) -> None:
        """End the connection now, with whatever waits for its reader."""
        ...


def nobody() -> None:
    """Who watches a wire before and after somebody does."""


class DirectWire:
    """Writes to the transport itself, whose protocol says how it fares."""

    def __init__(self, transport: asyncio.Transport, framing: Framing) -> None:
        self._framing: Framing = framing
        self.notify: Callable[[], None] = nobody
        self.transport = transport
        self._paused = False
        self._lost = transport.is_closing()
        self._file: int | None = None
        if not self._lost:
            # So that what is writable has an empty buffer, which a write to the file cannot pass.
            transport.set_write_buffer_limits(high=0)
            _limit_unsent(transport)
            self._file = _duplicate(transport)

    @property
    def framing(self) -> Framing:
        """Chunks, or none for HTTP/1.0."""
        return self._framing

    @property
    def writable(self) -> bool:
        """Whether nothing waits."""
        return not self._paused and not self._lost

    @property
    def lost(self) -> bool:
        """Whether the protocol said so."""
        return self._lost

    @property
    def file(self) -> int | None:
        """A descriptor of ours for the same connection; None while the transport holds bytes."""
        return None if self.transport.get_write_buffer_size() else self._file

    def write(self, data: bytes) -> None:
        """Write at once."""
        if self._lost:
            return
        try:
            self.transport.write(data)
        except RuntimeError:
            # The transport is closed and has not yet told its protocol.
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
        self.close()

    def close(self) -> None:
        """Give the descriptor back: the transport's own is the last that keeps the connection."""
        file, self._file = self._file, None
        if file is not None:
            os.close(file)


class SendWire:
    """Writes by ASGI's `send`, from a task of its own."""

    def __init__(self, send: Send) -> None:
        self.framing: Framing = plain
        self.file: int | None = None
        self.notify: Callable[[], None] = nobody
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


def _duplicate(transport: asyncio.Transport) -> int | None:
    """A descriptor whose number nobody else is given before it is closed here.

    Past a TLS session nothing may be written.
    """
    raw = transport.get_extra_info("socket")
    if raw is None or transport.get_extra_info("sslcontext") is not None:
        return None
    return os.dup(raw.fileno())


def _limit_unsent(transport: asyncio.Transport) -> None:
    raw = transport.get_extra_info("socket")
    option: int | None = getattr(socket, "TCP_NOTSENT_LOWAT", None)
    if raw is not None and option is not None and raw.family != socket.AF_UNIX:
        raw.setsockopt(socket.IPPROTO_TCP, option, _NOT_SENT)
