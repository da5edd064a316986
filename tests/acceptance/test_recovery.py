"""A part of the stack is killed: the supervisor starts it again, and nothing is lost or doubled."""

import asyncio
from collections.abc import AsyncGenerator, Iterator
from datetime import UTC, datetime

import pytest
import pytest_asyncio

from deploy.local.samples import samples
from shared.client import Accepted, Client
from shared.messages import Event, Segment, Started, Transcript
from tests.support.stack import PATIENCE, RunningStack, followed, words

pytestmark = pytest.mark.stack

LONG = max(samples(), key=lambda sample: sample.duration)


@pytest.fixture(scope="module")
def shaken(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningStack]:
    """A stack of which parts are killed; jobs of a dead worker are given to the next soon."""
    running = RunningStack(tmp_path_factory.mktemp("shaken"), ECHOBASE_ACK_WAIT="2")
    running.start()
    yield running
    assert running.stop() == 0


@pytest.fixture
async def client(shaken: RunningStack) -> AsyncGenerator[Client]:
    async with Client(shaken.addresses) as made:
        yield made


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def undisturbed(shaken: RunningStack) -> Transcript:
    """The long recording's transcript when nothing happens to anybody."""
    async with Client(shaken.addresses) as client:
        accepted = await submit(client)
        words([event async for event in followed(client, accepted)])
        return await client.transcript(accepted.id)


async def submit(client: Client) -> Accepted:
    start = datetime.now(UTC).isoformat(timespec="milliseconds")
    return await client.upload(LONG.path, {"source": "recovery", "start": start})


@pytest.mark.parametrize("part", ["transcriber", "stream", "ingest", "nats-server", "store"])
async def test_a_transcript_is_the_same_whatever_part_is_killed_meanwhile(
    shaken: RunningStack, client: Client, undisturbed: Transcript, part: str
):
    accepted = await submit(client)
    events: list[Event] = []
    async with asyncio.timeout(PATIENCE):
        async for event in followed(client, accepted):
            events.append(event)
            if isinstance(event, Segment) and event.index == 2:
                shaken.kill(part)
    assert words(events)  # each index once, in order
    assert len([event for event in events if isinstance(event, Started)]) == (
        2 if part == "transcriber" else 1
    )
    transcript = await client.transcript(accepted.id)
    assert transcript.segments == undisturbed.segments
    assert transcript.text == undisturbed.text
    shaken.wait(
        lambda: f"{part} ended (killed by SIGKILL)" in shaken.output.read_text(),
        "word of the supervisor",
    )
    # The transcript may be there before the part is: the next one's upload needs it.
    shaken.wait(lambda: shaken.answers(part), part)
