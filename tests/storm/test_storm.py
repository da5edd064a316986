"""The short form of `make storm`, and clients with planted faults, each of which is found."""

from dataclasses import replace
from pathlib import Path

import pytest

from shared.settings import StoreSettings
from tests.storm.client import Client
from tests.storm.filter_cost import ENVIRONMENT, LIMIT, FilterCost
from tests.storm.plan import Plan, Result
from tests.storm.run import Storm
from tests.storm.site import Servers, standing
from tests.storm.summary import lines
from tests.support.servers import NatsFixture

pytestmark = pytest.mark.servers

SHORT = Plan(
    clients=200,
    choosy=20,
    events=3000,
    parts=1,
    storms=5,
    lulls=1,
    absent=3,
    heartbeat=1.0,
    ring=1000,
    rotate=4.0,
    seconds_count=False,
)
SHORTEST = replace(
    SHORT, clients=10, choosy=0, stalled=0, events=400, storms=2, lulls=0, absent=1, rotate=0.0
)
CALM = replace(SHORTEST, clients=1000, events=100, anew=100, storms=0)


@pytest.fixture
def servers(nats: NatsFixture, store_settings: StoreSettings) -> Servers:
    """Of the test's own."""
    return Servers(nats.settings, store_settings)


class Deaf(Client):
    """Loses one event."""

    def take(self, frames: bytes) -> None:
        """Without the first, once."""
        if self.check.at and not self.check.fault and frames.startswith(b"event: segment"):
            frames = frames[frames.index(b"\n\n") + 2 :]
        if frames:
            super().take(frames)


class Stuttering(Client):
    """Takes one event twice."""

    def take(self, frames: bytes) -> None:
        """The first twice, once."""
        if not self.check.fault and frames.startswith(b"event: segment"):
            frames = frames[: frames.index(b"\n\n") + 2] + frames
        super().take(frames)


class Forgetful(Client):
    """Comes back without its id."""

    def request(self) -> bytes:
        """As a client that is new."""
        if self.connections:
            self.last_id = b""
        return super().request()


def ignore(_: Result) -> None:
    """Nobody watches."""


async def test_every_client_is_sent_everything_once(servers: Servers, tmp_path: Path) -> None:
    async with standing(servers, tmp_path, **SHORT.environment) as site:
        result = await Storm(SHORT, site, ignore).run()
    assert result.findings == [], "\n".join(lines(result))
    assert result.deliveries == 3000 * 200 + 300 * 20
    assert result.totals.connections > 220 + 2 * 100
    assert len(result.stalled) == 3


async def test_a_thousand_are_told_of_a_gap_and_of_the_end(
    servers: Servers, tmp_path: Path
) -> None:
    async with standing(servers, tmp_path, **CALM.environment) as site:
        result = await Storm(CALM, site, ignore).run()
    assert result.findings == [], "\n".join(lines(result))
    assert (result.clients, result.deliveries) == (1000, 100 * 1000)


async def test_planted_faults_are_found(servers: Servers, tmp_path: Path) -> None:
    async with standing(servers, tmp_path, **SHORTEST.environment) as site:
        result = await Storm(SHORTEST, site, ignore, [Deaf, Stuttering, Client, Forgetful]).run()
    # Who forgets its id, and comes back after the last event, waits for that in vain.
    late = "not everybody got everything up to event 400"
    findings = [each for each in result.findings if each != late]
    assert findings[:2] == ["client 0: 1 missing", "client 1: 1 doubled"], result.findings
    assert findings[2].startswith("client 3: ")
    assert findings[2].endswith(" missing")
    assert len(findings) == 3


async def test_clients_that_do_not_want_an_event_cost_it_nothing(
    servers: Servers, tmp_path: Path
) -> None:
    async with standing(servers, tmp_path, **ENVIRONMENT) as site:
        alone, among = await FilterCost(site, 200).compare(1000, 100)
    assert among.loop < LIMIT * alone.loop
