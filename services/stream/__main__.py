"""The stream service's process: `python -m services.stream`.

It starts whether or not NATS and the S3 store are there, and says by `/health/ready` and by its
heartbeats what it waits for.
"""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from contextlib import AsyncExitStack
from dataclasses import dataclass

from services.stream.app import Parts, create_app
from services.stream.catalogue import Catalogue
from services.stream.connection import StreamProtocol
from services.stream.corrections import Corrector
from services.stream.garbage import collect_rarely
from services.stream.history.keeper import History
from services.stream.hub import Hub
from services.stream.pages import Page
from services.stream.recordings import Links
from services.stream.status import Bulletin
from services.stream.webhooks.webhooks import Webhooks
from services.stream.wire import HIGH_WATER
from shared.access import access
from shared.allocator import MIB, give_back
from shared.bus import Bus
from shared.channel_book import ChannelBook
from shared.errors import BusUnavailable
from shared.follow import Follow
from shared.health import OK, Check, Health, Result, degraded
from shared.lifecycle import Lifecycle, run
from shared.nats_bus import NatsBus
from shared.nats_link import Link
from shared.object_store import ObjectStore
from shared.s3_store import S3Store
from shared.settings import (
    AccessSettings,
    IngestSettings,
    NatsSettings,
    StoreSettings,
    StreamSettings,
    TelemetrySettings,
    public_url,
)
from shared.settings_history import HistorySettings
from shared.settings_keeping import KeepingSettings
from shared.settings_webhooks import WebhookSettings
from shared.topology import EVENTS, Topology, topology

_ENSURE_AGAIN = 1.0
"""Seconds between attempts to create what is missing on the bus."""
_log = logging.getLogger(__name__)


async def main(life: Lifecycle, page: type[Page] = Page) -> None:
    """Serve until the order to stop."""
    nats = life.load(NatsSettings)
    link = Link(nats, "stream")
    bus, store = NatsBus(link), S3Store(life.load(StoreSettings))
    wanted = topology(nats.nats_replicas, nats.ack_wait, life.load(KeepingSettings).logs())
    async with AsyncExitStack() as closing:
        closing.push_async_callback(store.close)
        closing.push_async_callback(bus.close)
        site = Site(bus, store, lambda: link.connected, _prepare(link, bus, wanted))
        await serve(life, site, page)


@dataclass(frozen=True)
class Site:
    """What the service stands on, and how it comes to be there."""

    bus: Bus
    store: ObjectStore
    connected: Callable[[], bool]
    """Whether the bus is there at the moment."""
    prepare: Coroutine[None, None, None]


async def serve(life: Lifecycle, site: Site, page: type[Page] = Page) -> None:
    """Serve until the order to stop; `site.prepare` runs meanwhile."""
    settings = life.load(StreamSettings)
    follow = Follow(site.bus, EVENTS.name, ring=settings.ring_events)
    links = _links(life, settings)
    rights = access("stream", life.site, life.load(AccessSettings), site.bus, makes_secret=True)
    history = History(
        life.site.data, site.store, site.bus, follow, life.load(HistorySettings).review_below
    )
    book = ChannelBook(site.bus, life.site.data / "channels.stream.json")
    catalogue = Catalogue(site.store, site.bus, links.ingest)
    checks = {
        "bus": _bus_check(site.bus, follow),
        "store": _store_check(site.store),
        "history": history.health,
    }
    parts = Parts(
        site=life.site,
        links=links,
        hub=Hub(
            follow,
            life.stopping,
            settings.heartbeat,
            connected=site.connected,
            rotate=settings.rotate,
            traced=bool(life.load(TelemetrySettings).otlp_endpoint),
        ),
        subjects=tuple(settings.subjects.split(",")),
        catalogue=catalogue,
        history=history,
        book=book,
        corrector=Corrector(site.store, catalogue, history),
        bulletin=Bulletin(site.bus),
        health=Health(checks, service="stream", stopping=life.stopping),
        access=rights,
    )
    webhooks = Webhooks(
        site.bus,
        site.store,
        links,
        life.load(WebhookSettings),
        life.site.data,
        life.load(NatsSettings).ack_wait,
    )
    app = create_app(parts, page)
    async with asyncio.TaskGroup() as tasks:
        services = (follow.run(), parts.hub.run(), rights.run(), history.run(), book.run())
        waiting = [tasks.create_task(each) for each in (site.prepare, *services)]
        posting = tasks.create_task(webhooks.run(life.stopping))
        await rights.prepare()
        await book.load()
        parts.health.mark_started()
        collect_rarely()
        await life.serve(app, settings.stream_port, StreamProtocol)
        # A post that is under way is finished; another replica would repeat it.
        await asyncio.wait({posting}, timeout=life.grace / 4)
        for task in (*waiting, posting):
            task.cancel()


def _links(life: Lifecycle, settings: StreamSettings) -> Links:
    ingest = life.load(IngestSettings)
    bind, base = life.site.bind, life.site.base_path
    return Links(
        stream=public_url(settings.public_url, bind, settings.stream_port, base),
        ingest=public_url(ingest.ingest_public_url, bind, ingest.ingest_port, base),
    )


async def _prepare(link: Link, bus: Bus, wanted: Topology) -> None:
    """Connect, and create the streams if this is the first service to come."""
    await link.open()
    while True:
        try:
            await bus.ensure(wanted)
            return
        except BusUnavailable as error:
            _log.warning("the bus is not ready", extra={"reason": str(error)})
            await asyncio.sleep(_ENSURE_AGAIN)


def _bus_check(bus: Bus, follow: Follow) -> Check:
    async def check() -> Result:
        if not await bus.ready():
            return degraded("NATS is away: no new events come")
        return OK if follow.epoch else degraded("the events are not followed yet")

    return check


def _store_check(store: ObjectStore) -> Check:
    async def check() -> Result:
        return OK if await store.ready() else degraded("the S3 store is away: no transcripts")

    return check


if __name__ == "__main__":
    # What readers that are behind are sent is joined into pieces as large.
    give_back(HIGH_WATER // 2, MIB)
    run("stream", main)
