"""A client of the event stream that comes back with the last id that it saw."""

import asyncio
import random
import re
from dataclasses import dataclass

from tests.storm.chunks import Chunks
from tests.storm.contiguity import Contiguity, Expected

_ID_LINE = b"\nid: "
_ID = re.compile(rb"\nid: (\S+)\n")
_RETRY = re.compile(rb"retry: \d+\n\n\Z")
_GAP = b"event: gap\n"
_FRAME_END = b"\n\n"
_HEAD_END = b"\r\n\r\n"
_LAST_WORDS = 64
"""Bytes in which the last frame is looked for that says when to come back."""
_OK = b"HTTP/1.1 200 "


@dataclass(frozen=True)
class Address:
    """What to ask for, and where."""

    port: int
    path: str = "/v1/events"


class Client:
    """One reader, over as many connections as it takes."""

    def __init__(self, address: Address, expected: Expected) -> None:
        self.check = Contiguity(expected)
        self.address = address
        self.last_id = b""
        self.gaps = 0
        """`gap` events."""
        self.connections = 0
        """That were answered."""
        self.told = 0
        """Connections that the server ended whole, with a hint when to come back."""
        self.cut = 0
        """Connections that ended otherwise, and not by this client's own doing."""
        self.refused = ""
        """An answer that is no event stream."""
        self.returns = True
        """Whether it comes back when the server ends its connection."""
        self._connection: Connection | None = None
        self._coming: asyncio.Task[None] | None = None
        self._answered = asyncio.Event()

    @property
    def connected(self) -> bool:
        """Whether it has an event stream."""
        return self._connection is not None and self._answered.is_set()

    async def connect(self) -> None:
        """Ask, and wait for the answer."""
        self._answered.clear()
        connection = self._connection = Connection(self)
        loop = asyncio.get_running_loop()
        await loop.create_connection(lambda: connection, "127.0.0.1", self.address.port)
        await self._answered.wait()

    def leave(self) -> None:
        """Go at once, in the middle of whatever is being sent."""
        if self._coming is not None:
            self._coming.cancel()
            self._coming = None
        if self._connection is not None:
            connection, self._connection = self._connection, None
            connection.abort()

    def pause(self) -> None:
        """Do not read."""
        if self._connection is not None:
            self._connection.pause()

    def resume(self) -> None:
        """Read on."""
        if self._connection is not None:
            self._connection.resume()

    def request(self) -> bytes:
        """What it asks."""
        lines = [f"GET {self.address.path} HTTP/1.1".encode(), b"Host: localhost"]
        if self.last_id:
            lines.append(b"Last-Event-ID: " + self.last_id)
        return b"\r\n".join([*lines, b"", b""])

    def answer(self, head: bytes) -> None:
        """The beginning of an answer came."""
        if not head.startswith(_OK):
            self.refused = head.decode(errors="replace")
        self.connections += 1
        self._answered.set()

    def take(self, frames: bytes) -> None:
        """Whole frames came."""
        if not self.check.take(frames):
            self.gaps += frames.count(_GAP)
        if found := _ID.search(frames, frames.rfind(_ID_LINE)):
            self.last_id = found[1]

    def lost(self, connection: "Connection", told: bool) -> None:
        """A connection is gone; `told`: the server said when to come back, and ended it whole."""
        if connection is not self._connection:
            return
        self._connection = None
        self.told += told
        self.cut += not told
        self._answered.set()
        if self.returns:
            self._coming = asyncio.create_task(self._come_back())

    async def _come_back(self) -> None:
        # Sooner than it was asked to, but not all in the same moment.
        await asyncio.sleep(random.uniform(0.05, 0.2))
        await self.connect()


class Connection(asyncio.Protocol):
    """One answer, as it comes."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._begun = False
        self._chunks = Chunks()
        self._rest = b""
        """What came of a head or a frame that is not yet whole."""
        self._told = False
        self._transport: asyncio.Transport | None = None
        self._over = False

    # Named as asyncio calls it.
    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Ask."""
        self._transport = transport
        if self._over:
            transport.abort()
        else:
            transport.write(self._client.request())

    def data_received(self, data: bytes) -> None:
        """Hand over what is whole."""
        if self._over:
            return
        if not self._begun:
            head, end, data = (self._rest + data).partition(_HEAD_END)
            if not end:
                self._rest = head
                return
            self._begun, self._rest = True, b""
            self._client.answer(head)
        body = self._rest + self._chunks.take(data)
        end = body.rfind(_FRAME_END)
        end = end + len(_FRAME_END) if end >= 0 else 0
        frames, self._rest = body[:end], body[end:]
        if frames:
            self._told = _RETRY.search(frames[-_LAST_WORDS:]) is not None
            self._client.take(frames)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002  asyncio's
        """It is over."""
        self._client.lost(self, self._told and self._chunks.ended and not self._rest)

    def pause(self) -> None:
        """Leave what comes to the kernel."""
        if self._transport is not None and not self._transport.is_closing():
            self._transport.pause_reading()

    def resume(self) -> None:
        """Take it again."""
        if self._transport is not None and not self._transport.is_closing():
            self._transport.resume_reading()

    def abort(self) -> None:
        """End it, with a frame half read perhaps, or before it is made."""
        self._over = True
        if self._transport is not None:
            self._transport.abort()
