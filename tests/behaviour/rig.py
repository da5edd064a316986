"""A bus to try out, the hand that harms it, and what every suite needs."""

import asyncio
from collections.abc import Sequence
from typing import Protocol

from shared.bus import Bus, Message, StoredMessage
from shared.topology import Consumer, Stream, Topology, bucket

JOBS = Stream("TJOBS", ("t.jobs.a", "t.jobs.b"), "workqueue", 0, 1024**2, "new")
LOG = Stream("TLOG", ("t.log.>",), "limits", 3600, 64 * 1024**2, "old", allow_atomic=True)
TINY = Stream("TTINY", ("t.tiny",), "workqueue", 0, 2000, "new")
TAIL = Stream("TTAIL", ("t.tail",), "limits", 0, 6000, "old")
SHARE = Stream(
    "TSHARE",
    ("t.share.*",),
    "workqueue",
    0,
    1024**2,
    "new",
    max_per_subject=2,
    refuse_per_subject=True,
)
WORKERS = Consumer("workers", "TJOBS", ("t.jobs.a",), ack_wait=1.0)
SLOW_WORKERS = Consumer("slow", "TJOBS", ("t.jobs.b",), ack_wait=30.0)
BUCKET = bucket("tbucket", 64 * 1024)
TOPOLOGY = Topology((JOBS, LOG, TINY, TAIL, SHARE, BUCKET), (WORKERS, SLOW_WORKERS))
SOON = 0.05
"""Seconds to wait for something that must not happen."""
LONG = 30.0
"""Seconds after which what must happen counts as missing."""


class Rig(Protocol):
    """A bus, and the hand that harms it."""

    bus: Bus

    async def delete_stream(self, name: str) -> None:
        """Delete a stream behind the bus's back."""
        ...

    async def delete_consumer(self, consumer: Consumer) -> None:
        """Delete a consumer behind the bus's back."""
        ...

    async def stop(self) -> None:
        """Take the server away."""
        ...

    async def start(self) -> None:
        """Bring it back."""
        ...


def log(name: str, data: bytes = b"{}", **more: str) -> Message:
    return Message(f"t.log.{name}", data, headers=more)


async def read(bus: Bus, *filters: str, start: int = 1) -> list[StoredMessage]:
    return [m async for batch in bus.read("TLOG", filters or ("t.log.>",), start) for m in batch]


async def fill(bus: Bus, names: Sequence[str]) -> None:
    # A server that syncs each message answers the last of too many later than is waited for.
    for start in range(0, len(names), 250):
        async with asyncio.TaskGroup() as group:
            for name in names[start : start + 250]:
                group.create_task(bus.publish(log(name)))


class Followed:
    """A follower at work, and what it has seen."""

    def __init__(
        self, bus: Bus, start: int, subjects: Sequence[str] = ("t.log.>",), epoch: str | None = None
    ) -> None:
        self.messages: list[StoredMessage] = []
        self.batches = 0
        self._arrived = asyncio.Condition()
        self._follower = bus.follow("TLOG", subjects, start, epoch)

    @property
    def sequences(self) -> list[int]:
        return [m.sequence for m in self.messages]

    async def until(self, sequence: int) -> None:
        async with asyncio.timeout(LONG), self._arrived:
            await self._arrived.wait_for(
                lambda: self._task.done() or (self.messages and self.sequences[-1] >= sequence)
            )
        if self._task.done():
            self._task.result()

    async def __aenter__(self) -> "Followed":
        self._task = asyncio.create_task(self._run())
        return self

    async def __aexit__(self, *_: object) -> None:
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self) -> None:
        try:
            async for batch in self._follower:
                self.batches += 1
                self.messages += batch
                async with self._arrived:
                    self._arrived.notify_all()
        finally:
            async with self._arrived:
                self._arrived.notify_all()


async def until_ready(bus: Bus) -> None:
    async with asyncio.timeout(LONG):
        while not await bus.ready():  # noqa: ASYNC110  a server has no event to wait for
            await asyncio.sleep(0.01)


async def pending_becomes(bus: Bus, consumer: Consumer, jobs: int) -> None:
    """Fails unless so many jobs come to be pending: nats-server counts them a moment later."""
    async with asyncio.timeout(LONG):
        while await bus.pending(consumer) != jobs:  # noqa: ASYNC110  a server has no event for it
            await asyncio.sleep(0.01)
