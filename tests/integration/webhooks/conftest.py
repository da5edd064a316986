"""What the tests of webhooks stand on: real NATS, a real S3 store."""

from collections.abc import AsyncIterator

import pytest

from shared.bus import Bus
from shared.nats_bus import connect
from shared.s3_store import S3Store
from shared.settings import StoreSettings
from shared.topology import topology
from tests.support.hooks import QUICK
from tests.support.servers import NatsFixture
from tests.support.stream import environment_of


@pytest.fixture
def env(nats: NatsFixture, store_settings: StoreSettings) -> dict[str, str]:
    """The service's environment, in which retries come soon."""
    return environment_of(nats.settings, store_settings) | QUICK


@pytest.fixture
async def bus(nats: NatsFixture) -> AsyncIterator[Bus]:
    """A connection of the test's own, with every stream there."""
    bus = await connect(nats.settings, "test")
    await bus.ensure(topology(ack_wait=1.0))
    yield bus
    await bus.close()


@pytest.fixture
async def store(store_settings: StoreSettings) -> AsyncIterator[S3Store]:
    """A bucket of the test's own."""
    store = S3Store(store_settings)
    await store.ensure()
    yield store
    await store.close()
