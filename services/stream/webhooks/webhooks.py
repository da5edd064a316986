"""Webhooks for as long as a service runs: events shared out, and a queue for each receiver."""

import asyncio
import logging
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from services.stream.recordings import Links
from services.stream.webhooks import measures
from services.stream.webhooks.address import allowed
from services.stream.webhooks.outcomes import Outcomes
from services.stream.webhooks.posting import Poster
from services.stream.webhooks.queue import Queue
from services.stream.webhooks.receivers import FILE, Receivers
from shared.bus import Bus
from shared.errors import BusUnavailable
from shared.object_store import ObjectStore
from shared.settings_webhooks import WebhookSettings
from shared.topology import outcomes

_EVERY = 1.0
"""Seconds between two looks at which receivers there are."""
_COUNTED = 15
"""Looks between two counts of what waits."""
_log = logging.getLogger(__name__)


class Webhooks:
    """All of them."""

    def __init__(
        self,
        bus: Bus,
        store: ObjectStore,
        links: Links,
        settings: WebhookSettings,
        data: Path,
        ack_wait: float,
    ) -> None:
        """`data`: the folder for what outlives a process. `ack_wait`: seconds without a sign of
        life after which another replica posts."""
        self._bus = bus
        self._store = store
        self._links = links
        self._waits = settings.waits()
        self._ack_wait = ack_wait
        self._receivers = Receivers(bus, data / FILE)
        self._poster = Poster(allowed(settings), settings.webhook_timeout)
        self._queues: dict[str, tuple[Queue, asyncio.Event, asyncio.Task[None]]] = {}
        self._pending: Mapping[str, int] = {}
        measures.watch(lambda: self._pending)

    async def run(self, stopping: asyncio.Event) -> None:
        """Share out and post until `stopping`; posts that are under way are finished."""
        shared = Outcomes(self._bus, outcomes(self._ack_wait), self._receivers)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(shared.run(stopping))
            looks = 0
            while not stopping.is_set():
                with suppress(BusUnavailable):
                    await self._receivers.look()
                    self._fit(tasks)
                    if looks % _COUNTED == 0:
                        self._pending = await self._count()
                    looks += 1
                with suppress(TimeoutError):
                    async with asyncio.timeout(_EVERY):
                        await stopping.wait()
            for _, ending, _ in self._queues.values():
                ending.set()

    def _fit(self, tasks: asyncio.TaskGroup) -> None:
        """Have a queue at work for each receiver that is on, and for no other."""
        on = {each.id for each in self._receivers.known.values() if each.ended is None}
        for id in on - self._queues.keys():
            queue, ending = self._queue(id), asyncio.Event()
            self._queues[id] = queue, ending, tasks.create_task(queue.run(ending))
        for id in self._queues.keys() - on:
            _, ending, task = self._queues[id]
            ending.set()
            # Switched on again before its posts have ended, it goes on after that.
            if task.done():
                del self._queues[id]

    async def _count(self) -> Mapping[str, int]:
        return {id: await queue.pending() for id, (queue, _, _) in self._queues.items()}

    def _queue(self, id: str) -> Queue:
        return Queue(
            id,
            self._bus,
            self._store,
            self._receivers,
            self._poster,
            self._links,
            self._waits,
            self._ack_wait,
        )
