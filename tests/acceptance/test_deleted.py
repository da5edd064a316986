"""A stream or a consumer is deleted while the services run: it is made again from the topology,
with one warning; readers get one gap and go on, and so do jobs."""

from collections.abc import AsyncIterator
from contextlib import aclosing
from pathlib import Path

import pytest

from deploy.local.samples import samples
from shared.bus import Message
from shared.client import Accepted, Client, Gap
from shared.messages import Event, Segment
from shared.nats_bus import NatsBus
from shared.outcome import Outcome, follow_to_end
from shared.subjects import LANES, job
from shared.topology import DEAD, EVENTS, JOBS, lane_consumer
from tests.chaos.stack import Stack
from tests.support.nats_buses import managed, opened, until
from tests.support.stack import words
from tests.support.transcribing import excerpt
from tests.support.unsupervised import SERVICES, client_of, events_of, logged, submit, unsupervised

pytestmark = pytest.mark.stack

CALL = next(sample for sample in samples() if sample.file == "structure-fire.ogg")


@pytest.fixture
async def stack(tmp_path: Path) -> AsyncIterator[Stack]:
    async with unsupervised(tmp_path) as stack:
        yield stack


@pytest.fixture
async def client(stack: Stack) -> AsyncIterator[Client]:
    async with client_of(stack) as client:
        yield client


@pytest.fixture
async def bus(stack: Stack) -> AsyncIterator[NatsBus]:
    async with opened(stack.nats_settings) as bus:
        yield bus


@pytest.fixture
def long(tmp_path: Path) -> Path:
    """Some chunks of conversation."""
    path = tmp_path / "long.wav"
    path.write_bytes(excerpt("conversation.ogg", 20, tmp_path))
    return path


async def test_a_deleted_event_stream_is_one_gap_and_the_transcript_comes(
    stack: Stack, client: Client, long: Path
) -> None:
    expected = words((await events_of(client, await submit(client, long)))[0])
    accepted = await submit(client, long)
    anew: list[Event] = []
    gaps: list[str] = []
    async with aclosing(follow_to_end(client, Outcome([accepted]))) as events:
        async for event in events:
            if isinstance(event, Gap):
                gaps.append(event.reason)
            elif gaps:
                anew.append(event)
            elif isinstance(event, Segment) and event.index == 0:
                async with managed(stack.nats_settings) as jetstream:
                    await jetstream.delete_stream(EVENTS.name)
    assert gaps == ["stream-reset"]
    assert words(anew) == expected
    assert (await client.transcript(accepted.id)).text == expected
    # The durable of the webhooks goes with its stream, and comes back with it.
    assert "stream EVENTS was gone: made again" in made_again(stack)


async def test_a_deleted_job_stream_loses_no_job_in_hand_and_later_ones_come(
    stack: Stack, client: Client, long: Path
) -> None:
    accepted = await submit(client, long)

    begun: list[Event] = []
    async with aclosing(follow_to_end(client, Outcome([accepted]))) as events:
        async for event in events:
            assert not isinstance(event, Gap)
            begun.append(event)
            if isinstance(event, Segment) and event.index == 0:
                async with managed(stack.nats_settings) as jetstream:
                    await jetstream.delete_stream(JOBS.name)
    assert words(begun)
    await transcribes(client)
    assert made_again(stack) == [
        *(f"consumer transcriber-{lane} of JOBS was gone: made again" for lane in sorted(LANES)),
        "stream JOBS was gone: made again",
    ]


@pytest.mark.parametrize("lane", sorted(LANES))
async def test_a_deleted_consumer_is_made_again_and_jobs_go_on(
    stack: Stack, client: Client, lane: str
) -> None:
    async with managed(stack.nats_settings) as jetstream:
        await jetstream.delete_consumer(JOBS.name, f"transcriber-{lane}")
    await transcribes(client, lane=lane)
    assert made_again(stack) == [f"consumer transcriber-{lane} of JOBS was gone: made again"]


async def test_a_deleted_stream_of_dead_letters_takes_the_next_one(
    stack: Stack, client: Client, bus: NatsBus
) -> None:
    async with managed(stack.nats_settings) as jetstream:
        await jetstream.delete_stream(DEAD.name)
    await bus.publish(Message(job("live"), b"no job at all"))

    async def buried() -> bool:
        return await bus.pending(lane_consumer("live")) == 0

    await until(buried)
    assert (await bus.state(DEAD.name)).last == 1
    await transcribes(client)
    assert made_again(stack) == ["stream DEAD was gone: made again"]


async def transcribes(client: Client, **fields: str) -> Accepted:
    """That it does what it is for."""
    accepted = await submit(client, CALL.path, **fields)
    events, gaps = await events_of(client, accepted)
    assert (words(events), gaps) == (CALL.text, [])
    return accepted


def made_again(stack: Stack) -> list[str]:
    """What all services together have said that they made again."""
    assert stack.unexpected_ends() == ["transcriber-b"]
    return sorted(message for message in logged(stack, *SERVICES) if "was gone" in message)
