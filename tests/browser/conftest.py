"""A browser, and the services behind the page as processes that can be killed."""

import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import urlencode
from uuid import uuid4

import httpx
import msgspec
import pytest
import pytest_asyncio
from playwright.async_api import Browser, expect

from deploy.local.ports import free_ports
from deploy.local.process import Process
from shared.bus import Bus
from shared.nats_bus import connect
from shared.s3_store import S3Store
from shared.settings import StoreSettings
from shared.subjects import Lane
from shared.topology import topology
from tests.support.browser import Watched, chromium, watched
from tests.support.calls import Call
from tests.support.servers import NatsFixture, S3Fixture
from tests.support.spoken import Line, heard
from tests.support.stream import environment_of, until

# Of a busy machine: what is there at once takes no longer for that.
expect.set_options(timeout=20_000)


class Site:
    """Stream and ingest of one site."""

    def __init__(self, env: dict[str, str], folder: Path) -> None:
        stream, ingest = free_ports(2)
        self.port = stream
        self.url = f"http://127.0.0.1:{stream}"
        self.ingest_url = f"http://127.0.0.1:{ingest}"
        self.env = env | {
            "ECHOBASE_STREAM_PORT": str(stream),
            "ECHOBASE_INGEST_PORT": str(ingest),
            "ECHOBASE_DATA": str(folder),
        }
        self._folder = folder
        self._processes: list[Process] = []

    async def start(self, service: str = "stream", **more: str) -> Process:
        """Start a service, and wait until it answers."""
        process = Process(
            [sys.executable, "-m", f"services.{service}"],
            log=self._folder / f"{service}.log",
            env=self.env | more,
        )
        process.start()
        self._processes.append(process)
        url = self.url if service == "stream" else self.ingest_url
        async with httpx.AsyncClient(base_url=url) as http:

            async def answers() -> bool:
                assert process.alive, process.last_lines()
                try:
                    return (await http.get("/health/started")).status_code == 200
                except httpx.TransportError:
                    return False

            await until(answers)
        return process

    def kill(self) -> None:
        """End whatever still runs."""
        for process in self._processes:
            process.kill()


@pytest.fixture
def site(nats: NatsFixture, store_settings: StoreSettings, tmp_path: Path) -> Iterator[Site]:
    """A site whose services are not started yet."""
    found = Site(environment_of(nats.settings, store_settings), tmp_path)
    yield found
    found.kill()


@pytest.fixture
async def bus(nats: NatsFixture) -> AsyncIterator[Bus]:
    """A connection of the test's own, with every stream there."""
    bus = await connect(nats.settings, "test")
    await bus.ensure(topology())
    yield bus
    await bus.close()


@pytest.fixture
async def store(store_settings: StoreSettings) -> AsyncIterator[S3Store]:
    """A bucket of the test's own."""
    store = S3Store(store_settings)
    await store.ensure()
    yield store
    await store.close()


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    """A real Chromium."""
    async with chromium() as started:
        yield started


@dataclass(frozen=True)
class Desk:
    """A test's place at a site that the whole file shares: its sources are its own."""

    site: Site
    bus: Bus
    store: S3Store
    browser: Browser
    mark: str = ""

    @property
    def url(self) -> str:
        """The page, of this test's sources alone; more of a query may be put behind it."""
        return f"{self.site.url}/?{urlencode({'filter': f'source=*{self.mark}'}, safe='*')}"

    def call(self, source: str = "county", channel: str = "Fire", lane: Lane = "live") -> Call:
        """A call of one of its sources."""
        return Call(self.bus, source + self.mark, channel, lane=lane)

    async def heard(self, source: str, channel: str, *lines: Line) -> Call:
        """One that is stored and transcribed."""
        return await heard(self.bus, self.store, source + self.mark, channel, *lines)

    def watched(self) -> AbstractAsyncContextManager[Watched]:
        """A page in a fresh profile."""
        return watched(self.browser)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shared_desk(
    s3_server: S3Fixture, tmp_path_factory: pytest.TempPathFactory, tell: Callable[[str], None]
) -> AsyncIterator[Desk]:
    """A site that runs, with one browser, for every test of a file."""
    s3_server.see_to_it(tell)
    folder = tmp_path_factory.mktemp("site")
    server = NatsFixture(tmp_path_factory.mktemp("nats"))
    server.start()
    settings = msgspec.structs.replace(s3_server.settings, store_bucket=f"test-{uuid4().hex}")
    site = Site(environment_of(server.settings, settings), folder)
    bus = await connect(server.settings, "test")
    await bus.ensure(topology())
    store = S3Store(settings)
    await store.ensure()
    try:
        await site.start()
        async with chromium() as started:
            yield Desk(site, bus, store, started)
    finally:
        await store.close()
        await bus.close()
        site.kill()
        server.kill()


@pytest.fixture
def desk(shared_desk: Desk) -> Desk:
    """A place of the test's own."""
    return replace(shared_desk, mark=f"-{uuid4().hex[:6]}")
