"""NatsBus on a real server: what every bus does."""

from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass

import pytest
from nats.aio.client import Client
from nats.errors import Error as NatsError
from nats.js import JetStreamManager

from shared.nats_bus import NatsBus, connect
from shared.topology import Consumer
from tests.behaviour.bucket_suite import BucketSuite
from tests.behaviour.bus_suite import BusSuite
from tests.behaviour.follow_suite import FollowSuite
from tests.behaviour.jobs_suite import JobsSuite
from tests.behaviour.outage_suite import OutageSuite
from tests.behaviour.removal_suite import RemovalSuite
from tests.behaviour.rig import TOPOLOGY
from tests.support.servers import NatsFixture

pytestmark = pytest.mark.servers


@dataclass
class NatsRig:
    """A NatsBus on its own server, and the hand that harms it."""

    bus: NatsBus
    server: NatsFixture
    other: Client

    async def delete_stream(self, name: str) -> None:
        await JetStreamManager(self.other).delete_stream(name)

    async def delete_consumer(self, consumer: Consumer) -> None:
        await JetStreamManager(self.other).delete_consumer(consumer.stream, consumer.name)

    async def stop(self) -> None:
        self.server.kill()

    async def start(self) -> None:
        self.server.start()


@pytest.fixture
async def rig(nats: NatsFixture) -> AsyncIterator[NatsRig]:
    bus = await connect(nats.settings, "test")
    await bus.ensure(TOPOLOGY)
    other = Client()
    await other.connect(
        nats.settings.nats_url,
        user=nats.settings.nats_user,
        password=nats.settings.nats_password,
        error_cb=_ignore,
    )
    yield NatsRig(bus, nats, other)
    await bus.close()
    with suppress(NatsError, OSError):
        await other.close()


async def _ignore(error: Exception) -> None:
    """The test kills servers on purpose."""


class TestNatsBus(BusSuite):
    """On the real server."""


class TestFollowOnNats(FollowSuite):
    """On the real server."""


class TestJobsOnNats(JobsSuite):
    """On the real server."""


class TestOutageOnNats(OutageSuite):
    """On the real server."""


class TestRemovalOnNats(RemovalSuite):
    """On the real server."""


class TestBucketOnNats(BucketSuite):
    """On the real server."""
