"""The bus: what EchoBase asks of NATS JetStream, as a protocol.

`shared.nats_bus.NatsBus` speaks to a real server; `shared.memory_bus.MemoryBus` is for unit tests
and passes the same behaviour suite.
"""

import re
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Protocol

from msgspec import Struct

from shared.topology import Consumer, Topology

_SUBJECT = re.compile(r"[^\s.*>]+(\.[^\s.*>]+)*\Z")


@dataclass(frozen=True)
class Message:
    """A message to publish."""

    subject: str
    data: bytes
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    message_id: str | None = None
    """`Nats-Msg-Id`: a second message with it is dropped for the stream's duplicate window."""

    def __post_init__(self) -> None:
        # The server would store a message under a literal wildcard.
        if not _SUBJECT.match(self.subject):
            raise ValueError(f"not a subject to publish to: {self.subject!r}")


# Made for every message that comes; a dataclass takes four times as long.
class StoredMessage(Struct, frozen=True, eq=False):
    """A message as a stream holds it; equal to another whenever that one was stored."""

    subject: str
    data: bytes
    headers: Mapping[str, str]
    sequence: int
    """Its place in the stream, counted from 1."""
    time: float = 0.0
    """When it was stored, in seconds since 1970, where a consumer delivered it; else 0."""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, StoredMessage) and self._said == other._said

    def __hash__(self) -> int:
        return hash((self.subject, self.sequence))

    @property
    def _said(self) -> tuple[str, bytes, Mapping[str, str], int]:
        return self.subject, self.data, self.headers, self.sequence


@dataclass(frozen=True)
class Published:
    """The server's word that a message is stored."""

    sequence: int
    duplicate: bool
    """True if the stream held a message with this id already, and stored nothing."""


@dataclass(frozen=True)
class Fence:
    """Publish only if `sequence` is still the last one of what `subjects` matches (0: none)."""

    subjects: str
    sequence: int


@dataclass(frozen=True)
class StreamState:
    """Where a stream begins and ends, and since when it exists."""

    first: int
    """Sequence of its first message."""
    last: int
    """Sequence of its last message; 0 if it never had one."""
    epoch: str
    """Its creation, as a short token: another one after it was deleted and made again."""
    messages: int
    """How many it holds."""


class Delivery(Protocol):
    """A job in hand."""

    @property
    def message(self) -> StoredMessage:
        """The message."""
        ...

    @property
    def attempt(self) -> int:
        """How often it was delivered: 1 for the first time. Polite hand-backs count too."""
        ...

    async def ack(self) -> None:
        """Remove it from the queue, and wait for the server's word that it is."""
        ...

    async def hand_back(self, delay: float = 0.0) -> None:
        """Let it be delivered again, to anyone, after `delay` seconds."""
        ...

    def keep_alive(self) -> AbstractAsyncContextManager[None]:
        """While the context lasts, tell the server that work goes on (every third of ack_wait)."""
        ...


class Follower(Protocol):
    """The messages of a stream in order, without a gap, from a sequence on, as they come."""

    def __aiter__(self) -> AsyncIterator[Sequence[StoredMessage]]:
        """Batches of one or more messages, as many as have arrived.

        Raises BusUnavailable never: it waits and goes on by itself. Raises StreamReset if the
        stream was deleted and made again.
        """
        ...


class StreamReset(Exception):
    """The stream that is followed was deleted and made again: sequences start anew."""


class Bus(Protocol):
    """NATS JetStream as EchoBase uses it. Every method may raise BusUnavailable."""

    async def ensure(self, topology: Topology) -> None:
        """Create the streams and consumers that are missing, update those that differ.

        Raises SettingError where something differs that cannot be changed (retention).
        """
        ...

    async def provide(self, consumer: Consumer) -> None:
        """Create a consumer that the topology does not know, or update it if it differs."""
        ...

    async def ready(self) -> bool:
        """Whether the server answers now."""
        ...

    async def publish(self, message: Message, fence: Fence | None = None) -> Published:
        """Store a message, and wait for the server's word.

        Raises FenceLost if the fence does not hold.
        """
        ...

    async def publish_batch(self, messages: Sequence[Message], fence: Fence) -> int:
        """Store all messages or none; returns the last one's sequence.

        Raises FenceLost if the fence does not hold, DuplicateMessage if a message id is known.
        """
        ...

    async def last(self, stream: str, subjects: str) -> StoredMessage | None:
        """The last message that the filter matches."""
        ...

    async def get(self, stream: str, sequence: int) -> StoredMessage | None:
        """The message of a sequence; None if the stream does not hold it (any more)."""
        ...

    async def delete(self, stream: str, sequence: int, *, erase: bool = False) -> bool:
        """Remove a message, and wait for the server's word; False if it was gone already.

        `erase`: overwrite it on the disk too.
        """
        ...

    def read(
        self, stream: str, subjects: Sequence[str], start: int = 1
    ) -> AsyncGenerator[Sequence[StoredMessage]]:
        """What the stream holds now under the filters, from a sequence on, in order, by batches."""
        ...

    async def state(self, stream: str) -> StreamState:
        """Where the stream begins and ends."""
        ...

    async def pending(self, consumer: Consumer) -> int:
        """Messages that the consumer has yet to see acknowledged: waiting and in hand."""
        ...

    async def fetch(self, consumer: Consumer, count: int, timeout: float) -> list[Delivery]:
        """Up to `count` messages; an empty list if none came within `timeout` seconds.

        With a timeout of 0 only what waits already is taken.
        A cancelled fetch loses nothing. A deleted consumer is made again, with a warning.
        """
        ...

    def follow(
        self, stream: str, subjects: Sequence[str], start: int, epoch: str | None = None
    ) -> Follower:
        """Everything the filters match, from sequence `start` on, for as long as it is iterated.

        With an `epoch`, StreamReset is raised if the stream is another one from the beginning.
        """
        ...

    async def announce(self, service: str, metadata: Mapping[str, str]) -> None:
        """Answer to `discover` with this metadata for as long as the bus is open.

        A second call for the same service replaces the first one's metadata.
        """
        ...

    async def discover(self, service: str, wait: float = 0.3) -> list[Mapping[str, str]]:
        """The metadata of every process that announces the service, as heard in `wait` seconds."""
        ...

    async def close(self) -> None:
        """Flush what is pending and disconnect."""
        ...
