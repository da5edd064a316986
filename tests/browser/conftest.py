"""A browser, and the services behind the page as processes that can be killed."""

import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx
import pytest
from playwright.async_api import Browser, expect

from deploy.local.ports import free_ports
from deploy.local.process import Process
from shared.bus import Bus
from shared.nats_bus import connect
from shared.s3_store import S3Store
from shared.settings import StoreSettings
from shared.topology import topology
from tests.support.browser import chromium
from tests.support.servers import NatsFixture
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
