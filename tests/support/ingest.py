"""Ingest in this process: its parts, entries without an upload, and its HTTP service on a port."""

import asyncio
import hashlib
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import msgspec

from services.ingest.app import Parts, create_app
from services.ingest.entry import Entry, Held
from services.ingest.eraser import AGAIN, Eraser
from services.ingest.erasures import FOLDER as ERASURES
from services.ingest.erasures import Erasures
from services.ingest.forwarder import Forwarder
from services.ingest.inbox import FOLDER, Inbox
from services.ingest.measures import Measures
from services.ingest.reception import Reception
from services.ingest.recordings import Links
from services.ingest.spool import Spool
from services.ingest.submissions import Submissions
from services.ingest.upstream import Upstream
from services.ingest.waiting import Waiting
from shared import object_keys
from shared.access import access
from shared.bus import Bus, StoredMessage
from shared.channel_book import ChannelBook
from shared.containers import FORMATS
from shared.follow import Follow
from shared.health import Health
from shared.identity import recording_id
from shared.lifecycle import listen
from shared.messages import Options, Recording
from shared.object_store import ObjectStore
from shared.server import DrainingServer
from shared.settings import AccessSettings, SiteSettings
from shared.subjects import Lane
from shared.topology import EVENTS, JOBS, submissions, topology

MIB = 1024**2
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def open_spool(folder: Path, most: int = 64 * MIB, least_free: int = 0) -> Spool:
    """A spool, opened."""
    spool = Spool(folder, most, least_free)
    spool.open()
    return spool


def entry(
    content: bytes,
    lane: Lane = "live",
    options: Options | None = None,
    minute: int = 0,
) -> Entry:
    """An entry for some bytes, received so many minutes after noon."""
    sha256 = hashlib.sha256(content).hexdigest()
    id = recording_id("county", "fire", None, sha256)
    return Entry(
        recording=Recording(
            id=id,
            source="county",
            channel="fire",
            sha256=sha256,
            size=len(content),
            audio=object_keys.audio(id, "wav"),
            container="wav",
            codec="pcm_s16le",
            duration=1.0,
            received=NOON + timedelta(minutes=minute),
            metadata={"incident": 42},
        ),
        lane=lane,
        options=options or Options(),
        correlation_id="call-1",
        content_type="audio/wav",
    )


async def put_in(
    spool: Spool,
    content: bytes,
    lane: Lane = "live",
    options: Options | None = None,
    minute: int = 0,
) -> Held:
    """Accept an entry as an upload would."""
    async with spool.receive() as audio:
        await audio.write(content)
        await audio.finish()
        held, _ = await spool.keep(audio, entry(content, lane, options, minute))
    return held


async def jobs(bus: Bus) -> list[StoredMessage]:
    """What lies in the job queue."""
    return [m async for batch in bus.read(JOBS.name, [">"]) for m in batch]


async def events(bus: Bus) -> list[StoredMessage]:
    """What the event log holds."""
    return [m async for batch in bus.read(EVENTS.name, [">"]) for m in batch]


def files(folder: Path) -> list[str]:
    """Every file below a folder, but for the spool's lock."""
    found = (path for path in folder.rglob("*") if path.is_file() and path.name != "lock")
    return sorted(str(path.relative_to(folder)) for path in found)


async def until(condition: Callable[[], object], seconds: float = 20.0) -> None:
    """Poll until a function returns something true; TimeoutError else."""
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110 - it is not ours to be told of
            await asyncio.sleep(0.005)


@dataclass
class Ingest:
    """A running ingest service."""

    url: str
    port: int
    spool: Spool
    forwarder: Forwarder
    http: httpx.AsyncClient
    upstream: Upstream
    eraser: Eraser
    book: ChannelBook
    stopping: asyncio.Event = field(default_factory=asyncio.Event)


SITE = SiteSettings(grace=10.0)


def _soon(attempts: int, chance: float) -> float:
    return 0.02


@asynccontextmanager
async def serving(
    folder: Path,
    store: ObjectStore,
    bus: Bus,
    *,
    site: SiteSettings = SITE,
    max_bytes: int = MIB,
    max_duration: float = 60.0,
    spool_bytes: int = 64 * MIB,
    least_free: int = 0,
    keep: float = 600.0,
    most_inline: int = 512 * 1024,
    ack_wait: float = 30.0,
    again: float = AGAIN,
    formats: tuple[str, ...] = FORMATS,
    longest_wait: float = 60.0,
    away: float = 1.0,
) -> AsyncGenerator[Ingest]:
    """The HTTP service and the forwarder, on a free port, by a real uvicorn."""
    spool = open_spool(folder, spool_bytes, least_free)
    upstream = Upstream(store, bus, topology(ack_wait=ack_wait))
    erasures = Erasures(folder / ERASURES)
    erasures.open()
    forwarder = Forwarder(spool, upstream, keep, pace=_soon, erasing=erasures.is_pending)
    stopping = asyncio.Event()
    health = Health({"store": upstream.check_store, "bus": upstream.check_bus}, stopping=stopping)
    health.mark_started()
    book = ChannelBook(bus, folder.with_name(f"{folder.name}-channels.json"), puts_back=True)
    reception = Reception(spool, max_bytes, max_duration, book.find, formats)
    measures = Measures(forwarder.backlog, lambda: spool.room.used)
    inbox = Inbox(folder / FOLDER, upstream, spool.waits, keep)
    inbox.open()
    taken = Submissions(
        upstream,
        submissions(ack_wait),
        reception,
        inbox,
        forwarder,
        measures,
        most_inline,
        pace=_soon,
    )
    eraser = Eraser(upstream, spool, inbox, erasures, again)
    follow = Follow(bus, ring=100)
    waiting = Waiting(follow, upstream, forwarder, stopping, longest_wait, away)
    rights = access(
        "ingest", site, AccessSettings(), bus, folder=folder.with_name(f"{folder.name}-keys")
    )
    app = create_app(
        Parts(
            site=site,
            links=Links("http://localhost:3000"),
            public_url="http://localhost:3001",
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
    listener = listen(msgspec.structs.replace(site, bind="127.0.0.1"), 0, "PORT")
    port = listener.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    up = asyncio.Event()
    server = DrainingServer(app, "h11", cut_after=5.0, on_start=up.set)
    async with asyncio.TaskGroup() as tasks, httpx.AsyncClient(base_url=url) as http:
        served = asyncio.Event()
        serve = tasks.create_task(server.serve_until(stopping, listener))
        serve.add_done_callback(lambda _: served.set())
        tasks.create_task(forwarder.run(served, 10.0))
        tasks.create_task(taken.run(stopping))
        tasks.create_task(eraser.run(stopping))
        others = [tasks.create_task(each) for each in (rights.run(), book.run(), follow.run())]
        await book.load()
        await up.wait()
        try:
            yield Ingest(url, port, spool, forwarder, http, upstream, eraser, book, stopping)
        finally:
            stopping.set()
            for task in others:
                task.cancel()
    spool.close()
