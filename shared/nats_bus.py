"""The bus on a real NATS server: the parts put together behind `shared.bus.Bus`.

nats_link      the connection that comes back, requests, one inbox
nats_channel   many answers to one request
nats_admin     streams and consumers from the topology
nats_publish   publish, fence, atomic batch
nats_read      last message, batch reads
nats_delivery  pull, acknowledge, hand back, keep alive
nats_follow    ordered and contiguous, for ever
nats_presence  who is there
"""

import asyncio
from collections.abc import AsyncGenerator, Mapping, Sequence

from shared.bus import (
    Bus,
    Delivery,
    Fence,
    Follower,
    Message,
    Published,
    StoredMessage,
    StreamState,
)
from shared.errors import BusUnavailable
from shared.nats_admin import Admin
from shared.nats_channel import status
from shared.nats_delivery import Fetcher
from shared.nats_follow import NatsFollower
from shared.nats_link import Link
from shared.nats_presence import Presence
from shared.nats_publish import Publisher
from shared.nats_read import Reader
from shared.settings import NatsSettings
from shared.topology import Consumer, Topology

READY_TIMEOUT = 2.0


class NatsBus(Bus):
    """NATS JetStream. Made by `connect`."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self._admin = Admin(link)
        self._publisher = Publisher(link, self._admin)
        self._reader = Reader(link)
        self._fetcher = Fetcher(link, self._admin)
        self._presence = Presence(link)

    async def ensure(self, topology: Topology) -> None:
        """See `Bus.ensure`."""
        await self._admin.ensure(topology)

    async def provide(self, consumer: Consumer) -> None:
        """See `Bus.provide`."""
        await self._admin.provide(consumer)

    async def ready(self) -> bool:
        """Whether JetStream answers now."""
        try:
            answer = await self._link.request("$JS.API.INFO", timeout=READY_TIMEOUT)
        except BusUnavailable:
            return False
        return status(answer) is None

    async def publish(self, message: Message, fence: Fence | None = None) -> Published:
        """See `Bus.publish`."""
        return await self._publisher.publish(message, fence)

    async def publish_batch(self, messages: Sequence[Message], fence: Fence) -> int:
        """See `Bus.publish_batch`."""
        return await self._publisher.publish_batch(messages, fence)

    async def last(self, stream: str, subjects: str) -> StoredMessage | None:
        """See `Bus.last`."""
        return await self._reader.last(stream, subjects)

    async def get(self, stream: str, sequence: int) -> StoredMessage | None:
        """See `Bus.get`."""
        return await self._reader.get(stream, sequence)

    async def delete(self, stream: str, sequence: int, *, erase: bool = False) -> bool:
        """See `Bus.delete`."""
        return await self._reader.delete(stream, sequence, erase)

    def read(
        self, stream: str, subjects: Sequence[str], start: int = 1
    ) -> AsyncGenerator[Sequence[StoredMessage]]:
        """See `Bus.read`."""
        return self._reader.read(stream, subjects, start)

    async def state(self, stream: str) -> StreamState:
        """See `Bus.state`."""
        return await self._admin.state(stream)

    async def pending(self, consumer: Consumer) -> int:
        """See `Bus.pending`."""
        return await self._admin.pending(consumer)

    async def fetch(self, consumer: Consumer, count: int, timeout: float) -> list[Delivery]:
        """See `Bus.fetch`."""
        return await self._fetcher.fetch(consumer, count, timeout)

    def follow(
        self, stream: str, subjects: Sequence[str], start: int, epoch: str | None = None
    ) -> Follower:
        """See `Bus.follow`."""
        return NatsFollower(self._link, self._admin, stream, subjects, start, epoch)

    async def announce(self, service: str, metadata: Mapping[str, str]) -> None:
        """See `Bus.announce`."""
        await self._presence.announce(service, metadata)

    async def discover(self, service: str, wait: float = 0.3) -> list[Mapping[str, str]]:
        """See `Bus.discover`."""
        return await self._presence.discover(service, wait)

    async def close(self) -> None:
        """See `Bus.close`."""
        await asyncio.shield(self._link.close())


async def connect(settings: NatsSettings, name: str) -> NatsBus:
    """The bus, once the server is there: it is waited for, and a log line says so.

    `name` shows in the server's list of connections.
    """
    link = Link(settings, name)
    await link.open()
    return NatsBus(link)
