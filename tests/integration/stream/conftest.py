"""What the stream service's tests stand on: real NATS, a real S3 store, and the service."""

from collections.abc import AsyncIterator

import pytest

from shared.bus import Bus
from shared.nats_bus import connect
from shared.s3_store import S3Store
from shared.settings import StoreSettings
from shared.topology import topology
from tests.support.servers import NatsFixture
from tests.support.stream import Running, environment_of, running, until_ready


@pytest.fixture
def env(nats: NatsFixture, store_settings: StoreSettings) -> dict[str, str]:
    """The service's environment."""
    return environment_of(nats.settings, store_settings, ECHOBASE_HEARTBEAT="5")


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
async def stream(env: dict[str, str], bus: Bus) -> AsyncIterator[Running]:
    """The service, which follows the events already."""
    async with running(env) as started:
        await until_ready(started)
        yield started
