"""Ingest without its HTTP: what outlives a process, and a process that takes submissions."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from services.ingest.forwarder import Forwarder
from services.ingest.inbox import FOLDER, Inbox
from services.ingest.measures import Measures
from services.ingest.reception import Reception
from services.ingest.spool import Spool
from services.ingest.submissions import Submissions
from services.ingest.upstream import Upstream
from shared.bus import Fence, Message, Published
from shared.errors import BusUnavailable
from shared.memory_bus import MemoryBus
from shared.memory_store import MemoryStore
from shared.topology import submissions, topology
from tests.support.forwarding import soon
from tests.support.ingest import MIB, open_spool, until
from tests.support.submitting import waiting


class Bus(MemoryBus):
    """A bus that can fail when a subject is published to, before it does or after."""

    def __init__(self, clock: Callable[[], float]) -> None:
        super().__init__(clock)
        self.fails: str | None = None
        self.after = False

    async def publish(self, message: Message, fence: Fence | None = None) -> Published:
        fails = self.fails is not None and self.fails in message.subject
        if fails and not self.after:
            raise BusUnavailable("as planned")
        published = await super().publish(message, fence)
        if fails:
            raise BusUnavailable("as planned")
        return published


class World:
    """What outlives a process: store, bus and disk; and a clock that is moved by hand."""

    def __init__(self, folder: Path) -> None:
        self.now = 0.0
        self.folder = folder
        self.store = MemoryStore()
        self.bus = Bus(lambda: self.now)

    def objects(self, start: str) -> list[str]:
        return [key for key in self.store.objects if key.startswith(start)]


@dataclass
class Process:
    """One life of ingest, less its HTTP."""

    world: World
    spool: Spool
    inbox: Inbox
    taken: Submissions

    async def take(self) -> None:
        """Handle one message, as its loop would."""
        (delivery,) = await self.world.bus.fetch(submissions(), 1, 1.0)
        await self.taken.handle(self.world.bus, delivery)


@asynccontextmanager
async def process(
    world: World,
    *,
    spool_bytes: int = 64 * MIB,
    keep: float = 600.0,
    looping: bool = True,
    forwards: bool = True,
    most_inline: int = MIB,
) -> AsyncGenerator[Process]:
    """Ingest, until the end of the context kills it."""
    spool = open_spool(world.folder, spool_bytes)
    upstream = Upstream(world.store, world.bus, topology())
    await upstream.bus()
    forwarder = Forwarder(spool, upstream, keep, soon)
    inbox = Inbox(world.folder / FOLDER, upstream, spool.waits, keep)
    inbox.open()
    taken = Submissions(
        upstream,
        submissions(),
        Reception(spool, MIB, 60.0),
        inbox,
        forwarder,
        Measures(forwarder.backlog, lambda: spool.room.used),
        most_inline,
        soon,
    )
    never = asyncio.Event()
    tasks = [asyncio.create_task(inbox.run(never))]
    tasks += [asyncio.create_task(forwarder.run(never, 4.0))] if forwards else []
    tasks += [asyncio.create_task(taken.run(never))] if looping else []
    try:
        yield Process(world, spool, inbox, taken)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        spool.close()


async def settled(world: World) -> None:
    """Until SUBMIT is empty, while the clock goes on."""
    async with asyncio.timeout(20.0):
        while await waiting(world.bus):
            world.now += 1.0
            await asyncio.sleep(0.005)


async def forwarded(ingest: Process, count: int = 1) -> None:
    """Until so many recordings were."""
    await until(lambda: sum(not held.waiting for held in ingest.spool.held) == count)
