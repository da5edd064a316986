"""Clients that ask and never read, and what the kernel keeps for them."""

import asyncio
import socket
import time
from dataclasses import dataclass, field

from tests.storm.client import Address
from tests.support.figures import held

_LOOK = 0.5
"""Seconds between two looks at the kernel's table of connections, which costs it milliseconds."""
_LEFT = 6
"""Looks at what is left once all connections have ended."""
_ROOM = 4096
"""Bytes of the client's own receive buffer, which the kernel doubles."""


@dataclass
class Stalled:
    """One of them."""

    socket: socket.socket
    port: int
    """Of its own."""
    most: int = 0
    """Bytes that the kernel held for it on the server's side, at most."""
    since: float | None = None
    """When bytes were first seen to wait, on the monotonic clock."""
    gone: float | None = None
    """When the server had ended its connection."""

    @property
    def lasted(self) -> float:
        """Seconds for which it was borne with; infinite if it still is."""
        if self.gone is None or self.since is None:
            return float("inf")
        return self.gone - self.since


@dataclass
class Stalling:
    """All of them."""

    server: int
    """The server's port."""
    clients: list[Stalled] = field(default_factory=list[Stalled])

    def begin(self, address: Address, count: int) -> None:
        """So many connect."""
        for _ in range(count):
            each = socket.socket()
            each.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _ROOM)
            each.connect(("127.0.0.1", address.port))
            each.sendall(f"GET {address.path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
            self.clients.append(Stalled(each, each.getsockname()[1]))

    @property
    def over(self) -> bool:
        """Whether the server has ended each of them."""
        return all(each.gone is not None for each in self.clients)

    async def watch(self) -> None:
        """Look until each is gone, and a little longer: at what is left after the end."""
        left = _LEFT
        while left:
            self._look()
            left -= self.over
            await asyncio.sleep(_LOOK)

    def _look(self) -> None:
        """See what the kernel holds now."""
        table, now = held(self.server), time.monotonic()
        for each in self.clients:
            found = table.get(each.port)
            if found is not None and found.unsent:
                each.most = max(each.most, found.unsent)
                each.since = each.since or now
            ended = each.since is not None and (found is None or not found.established)
            if ended and each.gone is None:
                each.gone = now

    def close(self) -> None:
        """They go."""
        for each in self.clients:
            each.socket.close()
