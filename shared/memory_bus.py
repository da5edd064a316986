"""The bus without a server, for unit tests: it passes the same behaviour suite as NatsBus.

Time is that of an injectable clock. `away` makes every call fail as if the server were gone.
"""

import asyncio
import logging
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from dataclasses import dataclass

from shared.bus import (
    Bus,
    Delivery,
    Fence,
    Follower,
    Message,
    Published,
    StoredMessage,
    StreamReset,
    StreamState,
)
from shared.errors import BusUnavailable, CannotSucceed, SettingError
from shared.memory_stream import MemoryQueue, MemoryStream
from shared.topology import Consumer, Topology

log = logging.getLogger(__name__)

BATCH = 256
MAX_PAYLOAD = 1024**2
LONGEST_WAIT = 0.05
"""Seconds; a clock that a test moves by hand is looked at again after this long."""


class MemoryBus(Bus):
    """Streams and consumers in memory; all of them are gone with the object."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """`clock` gives seconds."""
        self._clock = clock
        self._streams: dict[str, MemoryStream] = {}
        self._queues: dict[tuple[str, str], MemoryQueue] = {}
        self._topology = Topology((), ())
        self._announced: dict[str, Mapping[str, str]] = {}
        self._changed = asyncio.Event()
        self._away = False

    @property
    def away(self) -> bool:
        """Whether it behaves as a server that is gone. What is stored comes back with it."""
        return self._away

    @away.setter
    def away(self, away: bool) -> None:
        self._away = away
        self.wake()

    def delete_stream(self, name: str) -> None:
        """Lose a stream with its consumers, as by an operator's mistake."""
        del self._streams[name]
        self._queues = {key: queue for key, queue in self._queues.items() if key[0] != name}
        self.wake()

    def delete_consumer(self, consumer: Consumer) -> None:
        """Lose a consumer; its messages stay."""
        del self._queues[consumer.stream, consumer.name]
        self.wake()

    async def ensure(self, topology: Topology) -> None:
        """See `Bus.ensure`."""
        self._reach()
        self._topology = topology
        for stream in topology.streams:
            found = self._streams.setdefault(stream.name, MemoryStream(stream))
            if found.config.retention != stream.retention:
                raise SettingError(
                    f"stream {stream.name} has retention {found.config.retention}, which cannot "
                    f"change to {stream.retention}"
                )
            found.config = stream
        for consumer in topology.consumers:
            await self.provide(consumer)

    async def provide(self, consumer: Consumer) -> None:
        """See `Bus.provide`."""
        queue = MemoryQueue(consumer, self.stream(consumer.stream))
        self._queues.setdefault((consumer.stream, consumer.name), queue).config = consumer

    async def ready(self) -> bool:
        """See `Bus.ready`."""
        return not self._away

    async def publish(self, message: Message, fence: Fence | None = None) -> Published:
        """See `Bus.publish`."""
        self._reach()
        published = self._taker(message).add(message, fence, self._clock())
        self.wake()
        return published

    async def publish_batch(self, messages: Sequence[Message], fence: Fence) -> int:
        """See `Bus.publish_batch`."""
        if not messages:
            raise ValueError("a batch holds at least one message")
        self._reach()
        sequence = self._taker(messages[0]).add_batch(messages, fence, self._clock())
        self.wake()
        return sequence

    async def last(self, stream: str, subjects: str) -> StoredMessage | None:
        """See `Bus.last`."""
        return self.stream(stream).last(subjects)

    async def get(self, stream: str, sequence: int) -> StoredMessage | None:
        """See `Bus.get`."""
        return self.stream(stream).get(sequence)

    async def delete(self, stream: str, sequence: int, *, erase: bool = False) -> bool:
        """See `Bus.delete`."""
        del erase  # there is no disk
        found = self.stream(stream)
        held = found.holds(sequence)
        found.remove(sequence)
        return held

    async def read(
        self, stream: str, subjects: Sequence[str], start: int = 1
    ) -> AsyncGenerator[Sequence[StoredMessage]]:
        """See `Bus.read`."""
        found = list(self.stream(stream).select(subjects, start))
        for index in range(0, len(found), BATCH):
            self._reach()
            yield found[index : index + BATCH]

    async def state(self, stream: str) -> StreamState:
        """See `Bus.state`."""
        return self.stream(stream).state

    async def pending(self, consumer: Consumer) -> int:
        """See `Bus.pending`."""
        self._reach()
        return len(list(self._queue(consumer).waiting()))

    async def fetch(self, consumer: Consumer, count: int, timeout: float) -> list[Delivery]:
        """See `Bus.fetch`."""
        end = self._clock() + timeout
        while True:
            now = self._clock()
            if not self._away:
                queue = self._queue(consumer)
                if taken := queue.take(count, now):
                    return [MemoryDelivery(self, queue, *each) for each in taken]
            if now >= end:
                self._reach()
                return []
            await self.wait(end - now)

    def follow(
        self, stream: str, subjects: Sequence[str], start: int, epoch: str | None = None
    ) -> Follower:
        """See `Bus.follow`."""
        return MemoryFollower(self, stream, subjects, start, epoch)

    async def announce(self, service: str, metadata: Mapping[str, str]) -> None:
        """See `Bus.announce`."""
        self._announced[service] = dict(metadata)

    async def discover(self, service: str, wait: float = 0.3) -> list[Mapping[str, str]]:
        """See `Bus.discover`."""
        self._reach()
        del wait  # nobody is further away than this object
        return [self._announced[service]] if service in self._announced else []

    async def close(self) -> None:
        """See `Bus.close`."""
        self._announced.clear()

    async def wait(self, seconds: float) -> None:
        """Until something has changed, or so much time may have passed."""
        with suppress(TimeoutError):
            async with asyncio.timeout(max(0.0, min(seconds, LONGEST_WAIT))):
                await self._changed.wait()

    def now(self) -> float:
        """The clock's time. Raises BusUnavailable while the bus is away."""
        self._reach()
        return self._clock()

    def wake(self) -> None:
        """Let everyone who waits look again."""
        self._changed.set()
        self._changed = asyncio.Event()

    def stream(self, name: str) -> MemoryStream:
        """The stream of this name, made again from the topology if it was lost."""
        self._reach()
        if name not in self._streams:
            config = next((s for s in self._topology.streams if s.name == name), None)
            if config is None:
                raise BusUnavailable(f"stream {name} not found")
            log.warning("stream %s was gone: made again", name)
            self._streams[name] = MemoryStream(config)
        return self._streams[name]

    def _queue(self, consumer: Consumer) -> MemoryQueue:
        key = consumer.stream, consumer.name
        if key not in self._queues:
            log.warning("consumer %s of %s was gone: made again", consumer.name, consumer.stream)
            self._queues[key] = MemoryQueue(consumer, self.stream(consumer.stream))
        return self._queues[key]

    def _taker(self, message: Message) -> MemoryStream:
        if len(message.data) > MAX_PAYLOAD:
            raise CannotSucceed(f"a message of {len(message.data)} bytes exceeds the limit")
        for config in self._topology.streams:
            if self.stream(config.name).takes(message.subject):
                return self._streams[config.name]
        raise BusUnavailable(f"no stream takes {message.subject}")

    def _reach(self) -> None:
        if self._away:
            raise BusUnavailable("the bus is away")


@dataclass(frozen=True)
class MemoryDelivery:
    """A job in hand; see `shared.bus.Delivery`."""

    bus: MemoryBus
    queue: MemoryQueue
    message: StoredMessage
    attempt: int

    async def ack(self) -> None:
        """See `Delivery.ack`."""
        self.bus.now()
        self.queue.acknowledge(self.message.sequence)

    async def hand_back(self, delay: float = 0.0) -> None:
        """See `Delivery.hand_back`."""
        self.queue.hand_back(self.message.sequence, self.bus.now() + delay)
        self.bus.wake()

    def keep_alive(self) -> AbstractAsyncContextManager[None]:
        """See `Delivery.keep_alive`."""
        return self._alive()

    @asynccontextmanager
    async def _alive(self) -> AsyncGenerator[None]:
        task = asyncio.create_task(self._beat())
        try:
            yield
        finally:
            task.cancel()
            # Not by suppressing the cancellation, which may be that of whoever works.
            await asyncio.gather(task, return_exceptions=True)

    async def _beat(self) -> None:
        while True:
            with suppress(BusUnavailable):
                self.queue.extend(self.message.sequence, self.bus.now())
            await asyncio.sleep(min(LONGEST_WAIT, self.queue.config.ack_wait / 3))


@dataclass(frozen=True)
class MemoryFollower:
    """The messages of a stream as they come; see `shared.bus.Follower`."""

    bus: MemoryBus
    name: str
    subjects: Sequence[str]
    start: int
    epoch: str | None

    async def __aiter__(self) -> AsyncIterator[Sequence[StoredMessage]]:
        """See `Follower`."""
        following, epoch = self.start, self.epoch
        while True:
            if not self.bus.away:
                stream = self.bus.stream(self.name)
                epoch = epoch or stream.epoch
                if stream.epoch != epoch:
                    raise StreamReset(f"stream {self.name} was made again")
                if batch := list(stream.select(self.subjects, following)):
                    following = batch[-1].sequence + 1
                    yield batch
                    continue
            await self.bus.wait(LONGEST_WAIT)
