"""The ingest service's process: `python -m services.ingest`.

It starts and accepts whether or not NATS and the S3 store are there.
"""

import asyncio
from collections.abc import Collection
from contextlib import AsyncExitStack

from services.ingest.app import Parts, create_app
from services.ingest.eraser import Eraser
from services.ingest.erasures import FOLDER as ERASURES
from services.ingest.erasures import Erasures
from services.ingest.forwarder import Forwarder
from services.ingest.inbox import FOLDER, Inbox
from services.ingest.keeper import Keeper
from services.ingest.measures import Measures
from services.ingest.reception import Reception
from services.ingest.recordings import Links
from services.ingest.spool import Spool
from services.ingest.submissions import Submissions
from services.ingest.upstream import Upstream
from services.ingest.waiting import Waiting
from services.ingest.watch.folder import WatchedFolder
from services.ingest.watch.ledger import Ledger
from services.ingest.watch.taker import Taker
from services.ingest.watch.watcher import FOLDER as LEDGER
from services.ingest.watch.watcher import Watcher, check_path
from shared.access import access
from shared.allocator import MIB, give_back
from shared.channel_book import ChannelBook
from shared.follow import Follow
from shared.health import OK, Check, Health, Result, degraded
from shared.lifecycle import Lifecycle, run
from shared.nats_bus import NatsBus
from shared.nats_link import Link
from shared.s3_store import S3Store
from shared.settings import (
    AccessSettings,
    IngestSettings,
    NatsSettings,
    SiteSettings,
    StoreSettings,
    StreamSettings,
    public_url,
)
from shared.settings_keeping import KeepingSettings
from shared.settings_limits import LimitSettings
from shared.settings_watch import WatchSettings
from shared.topology import submissions, topology

_PATIENCE = 1.0
"""Seconds for which a start waits for what is said of channels, if its disk knows nothing."""
_RING = 2000
"""Latest events that are kept for callers who wait for a transcript; older ones are read anew."""
_POLITE = 0.25
"""Part of the grace that messages in hand have when the service ends."""


async def main(life: Lifecycle) -> None:
    """Serve until the order to stop."""
    settings = life.load(IngestSettings)
    nats = life.load(NatsSettings)
    link = Link(nats, "ingest")
    bus, store = NatsBus(link), S3Store(life.load(StoreSettings))
    keeping = life.load(KeepingSettings)
    upstream = Upstream(store, bus, topology(nats.nats_replicas, nats.ack_wait, keeping.logs()))
    spool = _spool(life.site, settings)
    erasures = Erasures(spool.folder / ERASURES)
    forwarder = Forwarder(spool, upstream, settings.spool_keep, erasing=erasures.is_pending)
    book = ChannelBook(bus, life.site.data / "channels.ingest.json", puts_back=True)
    limits = life.load(LimitSettings)
    reception = Reception(
        spool,
        settings.max_upload_bytes,
        settings.max_duration,
        book.find,
        limits.accepted(),
    )
    measures = Measures(forwarder.backlog, lambda: spool.room.used)
    watcher = _watcher(life, reception, forwarder, measures)
    checks = {"spool": _check(spool), "store": upstream.check_store, "bus": upstream.check_bus}
    health = Health(
        checks | ({"watch": watcher.check} if watcher else {}),
        service="ingest",
        stopping=life.stopping,
    )
    inbox = Inbox(spool.folder / FOLDER, upstream, spool.waits, settings.spool_keep)
    taken = Submissions(
        upstream,
        submissions(nats.ack_wait),
        reception,
        inbox,
        forwarder,
        measures,
        settings.submit_inline_bytes,
    )
    eraser = Eraser(upstream, spool, inbox, erasures)
    rules = keeping.rules()
    keeper = Keeper(upstream, eraser, lambda: book.rules(rules), keeping.keeper_every)
    follow = Follow(bus, ring=_RING)
    waiting = Waiting(follow, upstream, forwarder, life.stopping, limits.longest_wait)
    rights = access("ingest", life.site, life.load(AccessSettings), bus)
    app = create_app(
        Parts(
            site=life.site,
            links=Links(_stream_url(life)),
            public_url=public_url(
                settings.ingest_public_url,
                life.site.bind,
                settings.ingest_port,
                life.site.base_path,
            ),
            reception=reception,
            forwarder=forwarder,
            upstream=upstream,
            eraser=eraser,
            measures=measures,
            waiting=waiting,
            book=book,
            health=health,
            access=rights,
        )
    )
    async with AsyncExitStack() as closing:
        closing.callback(spool.close)
        await asyncio.to_thread(spool.open)
        await asyncio.to_thread(inbox.open)
        await asyncio.to_thread(erasures.open)
        closing.push_async_callback(store.close)
        closing.push_async_callback(bus.close)
        health.mark_started()
        async with asyncio.TaskGroup() as tasks:
            connect = tasks.create_task(link.open())
            admitting = tasks.create_task(rights.run())
            knowing = tasks.create_task(book.run())
            following = tasks.create_task(follow.run())
            await rights.prepare()
            if not await book.load():
                await book.until_read(_PATIENCE)
            served = asyncio.Event()
            forwarding = tasks.create_task(forwarder.run(served, life.grace))
            taking = tasks.create_task(taken.run(life.stopping))
            tasks.create_task(eraser.run(life.stopping))
            keeping_task = tasks.create_task(keeper.run(life.stopping))
            watching = tasks.create_task(watcher.run(life.stopping)) if watcher else None
            # The server's h11 keeps the body of a request that asks for `Upgrade: h2c`, as Java's
            # client does; httptools loses it.
            await life.serve(app, settings.ingest_port, "h11")
            await _finish([each for each in (taking, watching) if each], life.grace * _POLITE)
            keeping_task.cancel()
            # What was accepted last may still leave.
            served.set()
            await forwarding
            following.cancel()
            connect.cancel()
            admitting.cancel()
            knowing.cancel()


async def _finish(tasks: Collection[asyncio.Task[None]], patience: float) -> None:
    _, late = await asyncio.wait(tasks, timeout=patience)
    for task in late:
        # What it has in hand is not acknowledged, or noted, and comes again.
        task.cancel()


def _watcher(
    life: Lifecycle, reception: Reception, forwarder: Forwarder, measures: Measures
) -> Watcher | None:
    """None if no folder is watched. Raises SettingError."""
    settings = life.load(WatchSettings)
    path = settings.folder()
    if path is None:
        return None
    check_path(path, life.site.data)
    folder = WatchedFolder(path)
    taker = Taker(folder, reception, forwarder, measures, settings.zone())
    return Watcher(folder, Ledger(reception.spool.folder / LEDGER), taker, settings)


def _spool(site: SiteSettings, settings: IngestSettings) -> Spool:
    return Spool(site.data / "spool", settings.spool_max_bytes, settings.spool_min_free_bytes)


def _stream_url(life: Lifecycle) -> str:
    stream = life.load(StreamSettings)
    return public_url(stream.public_url, life.site.bind, stream.stream_port, life.site.base_path)


def _check(spool: Spool) -> Check:
    async def check() -> Result:
        return degraded("The spool is full.") if spool.is_full() else OK

    return check


if __name__ == "__main__":
    # What FFmpeg takes for a file that claims to be large.
    give_back(MIB // 4, MIB)
    run("ingest", main)
