"""An address to which many answers come, and what answers look like."""

import asyncio
from collections import deque
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import NamedTuple

from nats.aio.msg import Msg

from shared.bus import StoredMessage
from shared.errors import BusUnavailable
from shared.nats_link import Inbox, Link


class Channel:
    """A context in which answers are waited for; it ends with the interest in them.

    `leftover` is given those that came but were not taken, and those that come later, for
    `linger` seconds.
    """

    def __init__(
        self, link: Link, leftover: Callable[[Msg], None] | None = None, linger: float = 0.0
    ) -> None:
        self._link = link
        self._leftover = leftover
        self._linger = linger
        self._arrived: deque[Msg] = deque()
        self._lost = False
        self._waiter: asyncio.Future[None] | None = None
        self._inbox: Inbox | None = None

    async def __aenter__(self) -> "Channel":
        self._inbox = await self._link.subscribe(self._put)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        inbox, leftover = self._inbox, self._leftover
        if inbox is None:
            return
        if leftover is None:
            inbox.sink = _drop
            self._link.spawn(self._link.unsubscribe(inbox))
            return
        for message in self.take():
            leftover(message)

        def late(message: Msg | None) -> None:
            if message is not None:
                leftover(message)

        inbox.sink = late
        self._link.spawn(self._unsubscribe_later(inbox))

    @property
    def subject(self) -> str:
        """Where the answers go."""
        return self._inbox.subject if self._inbox else ""

    async def wait(self, timeout: float) -> bool:
        """Whether an answer is there, at the latest after `timeout` seconds.

        Raises BusUnavailable if the connection broke since the channel was made. Cancelled, it
        leaves every answer where it is.
        """
        if not self._arrived and not self._lost:
            self._waiter = asyncio.get_running_loop().create_future()
            try:
                async with asyncio.timeout(timeout):
                    await self._waiter
            except TimeoutError:
                return False
            finally:
                self._waiter = None
        if self._arrived:
            return True
        raise BusUnavailable("the connection broke while an answer was due")

    def take(self) -> list[Msg]:
        """Every answer that is there."""
        taken = list(self._arrived)
        self._arrived.clear()
        return taken

    def finish(self) -> None:
        """No further answer can come: the address need not be kept."""
        self._leftover = None

    async def _unsubscribe_later(self, inbox: Inbox) -> None:
        await asyncio.sleep(self._linger)
        await self._link.unsubscribe(inbox)

    def _put(self, message: Msg | None) -> None:
        if message is None:
            self._lost = True
        else:
            self._arrived.append(message)
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)


def _drop(message: Msg | None) -> None:
    """Nobody wants it any more."""
    del message


class Position(NamedTuple):
    """What the reply subject of a delivered message says of it."""

    attempt: int
    stream_sequence: int
    consumer_sequence: int
    time: float
    """When the stream took it, in seconds since 1970."""


def position(reply: str) -> Position:
    """Read `$JS.ACK.[<domain>.<account>.]<stream>.<consumer>.<attempt>.<stream sequence>.
    <consumer sequence>.<time>.<pending>[.<token>]`."""
    tokens = reply.split(".")
    at = 4 if len(tokens) == 9 else 6
    return Position(
        int(tokens[at]), int(tokens[at + 1]), int(tokens[at + 2]), int(tokens[at + 3]) / 1e9
    )


def status(message: Msg) -> str | None:
    """The status code of an answer that is no message: `404`, `408`, ..."""
    if message.headers is None or message.data:
        return None
    return message.headers.get("Status")


def description(message: Msg) -> str:
    """The words that come with a status."""
    return (message.headers or {}).get("Description", "").strip()


def delivered(message: Msg, place: Position) -> StoredMessage:
    """A message that a consumer delivered, with its place in the stream."""
    return StoredMessage(
        message.subject,
        message.data,
        publisher_headers(message.headers),
        place.stream_sequence,
        place.time,
    )


def publisher_headers(headers: Mapping[str, str] | None) -> dict[str, str]:
    """The headers that the publisher gave, without those of JetStream's own."""
    return {k: v for k, v in (headers or {}).items() if not k.startswith("Nats-")}
