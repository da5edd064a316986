"""A forwarder that runs, and a store and a bus that fail at a chosen call."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TypeVar

from services.ingest.forwarder import Forwarder
from services.ingest.spool import Spool
from services.ingest.upstream import Upstream
from shared import object_keys
from shared.bus import Fence, Message, Published, StoredMessage
from shared.memory_bus import MemoryBus
from shared.memory_store import MemoryStore
from shared.messages import Job, Queued, Recording, decode, decode_event
from shared.object_store import StoredObject
from shared.topology import topology
from tests.support.ingest import entry, events, jobs

T = TypeVar("T")


class Fault:
    """Raises an error at the n-th call that is made, before it does anything or after."""

    def __init__(
        self, at: int = -1, after: bool = False, error: Callable[[str], Exception] | None = None
    ) -> None:
        self.at = at
        self.after = after
        self.error = error or RuntimeError
        self.calls: list[str] = []

    async def around(self, name: str, call: Coroutine[object, object, T]) -> T:
        """Make the call, or fail."""
        number = len(self.calls)
        self.calls.append(name)
        if number == self.at and not self.after:
            call.close()
            raise self.error(name)
        result = await call
        if number == self.at:
            raise self.error(name)
        return result


class FaultyStore(MemoryStore):
    """A store with a fault; what it holds outlives it."""

    def __init__(self, fault: Fault) -> None:
        super().__init__()
        self.fault = fault

    async def ensure(self) -> None:
        await self.fault.around("store.ensure", super().ensure())

    async def stat(self, key: str) -> StoredObject | None:
        return await self.fault.around("stat", super().stat(key))

    async def get(self, key: str) -> bytes:
        return await self.fault.around("get", super().get(key))

    async def put_file(self, key: str, path: Path, *, content_type: str) -> None:
        call = super().put_file(key, path, content_type=content_type)
        await self.fault.around("put_file", call)

    async def put_if_absent(
        self, key: str, data: bytes, *, content_type: str = "application/json"
    ) -> bool:
        call = super().put_if_absent(key, data, content_type=content_type)
        return await self.fault.around("put " + key.rpartition("/")[2], call)


class FaultyBus(MemoryBus):
    """A bus with a fault; what it holds outlives it."""

    def __init__(self, fault: Fault) -> None:
        super().__init__()
        self.fault = fault

    async def last(self, stream: str, subjects: str) -> StoredMessage | None:
        return await self.fault.around("last", super().last(stream, subjects))

    async def publish(self, message: Message, fence: Fence | None = None) -> Published:
        call = super().publish(message, fence)
        name = message.subject.rpartition(".")[2]
        return await self.fault.around(f"publish {name}", call)


def soon(attempts: int, chance: float) -> float:
    """How long a failed entry waits here."""
    return 0.001


def never(attempts: int, chance: float) -> float:
    """An entry that failed is left to the next process."""
    return 1_000.0


@asynccontextmanager
async def forwarding(
    spool: Spool,
    store: MemoryStore,
    bus: MemoryBus,
    keep: float = 600.0,
    pace: Callable[[int, float], float] = soon,
) -> AsyncGenerator[Forwarder, None]:
    """A forwarder that runs."""
    upstream = Upstream(store, bus, topology())
    forwarder = Forwarder(spool, upstream, keep, pace)
    stopping = asyncio.Event()
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(forwarder.run(stopping, 4.0))
        try:
            yield forwarder
        finally:
            stopping.set()


def all_forwarded(spool: Spool) -> Callable[[], bool]:
    """The condition that nothing waits any more."""
    return lambda: not any(held.waiting for held in spool.held)


async def check_done(store: MemoryStore, bus: MemoryBus, content: bytes, version: int = 1) -> None:
    """One recording is stored and described, announced once, and its job waits once."""
    wanted = entry(content)
    id = wanted.recording.id
    assert store.objects[wanted.recording.audio] == content
    assert decode(store.objects[object_keys.record(id)], Recording) == wanted.recording
    assert sorted(store.objects) == [
        wanted.recording.audio,
        object_keys.record(id),
        object_keys.request(id, version),
    ]
    (event,) = await events(bus)
    queued = decode_event(event.data)
    assert isinstance(queued, Queued)
    assert (queued.recording, queued.version, queued.correlation_id) == (id, version, "call-1")
    assert queued.metadata == {"incident": 42}
    (job,) = await jobs(bus)
    assert decode(job.data, Job) == wanted.job(version)
