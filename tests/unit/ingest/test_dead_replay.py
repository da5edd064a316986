"""A letter that is replayed, once or often, whoever dies meanwhile: its work is done once."""

import asyncio
import contextlib
from pathlib import Path

import pytest

from services.ingest.dead_letters import Letter, letter, letters
from services.ingest.dead_replay import drop, replay
from services.transcriber.scripted_engine import ScriptedEngine
from shared.bus import Fence, Message, Published, StoredMessage
from shared.envelope import dead_message
from shared.errors import BusUnavailable, CannotSucceed
from shared.memory_bus import MemoryBus
from shared.memory_store import MemoryStore
from shared.messages import Job
from shared.topology import DEAD, EVENTS, JOBS, topology
from tests.support.audio_files import wav
from tests.support.transcribing import Clock, Site, eventually, make_job, sample

CALL = sample("on-scene.ogg")
WINDOW = 120.0
"""Seconds for which the server remembers a message id."""


class Killed(BaseException):
    """As kill -9 would: nothing catches it."""


class FusedBus(MemoryBus):
    """Every effect of a replay is a step before and a step after it."""

    def __init__(self, clock: Clock) -> None:
        super().__init__(clock)
        self.at = 0
        self.steps = 0
        self.armed = False

    def step(self) -> None:
        if self.armed:
            self.steps += 1
            if self.steps == self.at:
                raise Killed

    async def publish(self, message: Message, fence: Fence | None = None) -> Published:
        self.step()
        done = await super().publish(message, fence)
        self.step()
        return done

    async def delete(self, stream: str, sequence: int, *, erase: bool = False) -> bool:
        self.step()
        done = await super().delete(stream, sequence, erase=erase)
        self.step()
        return done


class Graveyard:
    """A site on which a job has died, since its audio was not there."""

    def __init__(self, folder: Path) -> None:
        self.clock = Clock()
        self.bus = FusedBus(self.clock)
        self.site = Site(self.bus, MemoryStore(), folder)
        self.engine = ScriptedEngine()
        self.job = make_job()

    async def fill(self) -> Letter:
        await self.bus.ensure(topology())
        await self.site.submit(self.job, None)
        await self.work()
        assert (await self.site.version(self.job)).failed is not None
        return await self.only()

    async def only(self) -> Letter:
        [found] = await letters(self.bus)
        return found

    async def repair(self) -> None:
        await self.site.store.put(self.job.audio, CALL, content_type="audio/ogg")

    async def work(self) -> None:
        """Let a worker do all that is queued."""

        async def nothing_left() -> bool | None:
            return True if await self.site.pending() == 0 else None

        async with self.site.worker(self.engine):
            await eventually(nothing_left)

    async def types(self) -> list[str]:
        found: list[str] = []
        async for batch in self.bus.read(EVENTS.name, ["echobase.events.>"]):
            found += [message.subject.rpartition(".")[2] for message in batch]
        return found

    async def jobs(self) -> list[StoredMessage]:
        return [m async for batch in self.bus.read(JOBS.name, list(JOBS.subjects)) for m in batch]

    async def replay_killed(self, found: Letter, at: int) -> int:
        """Replay, and die at a step (0: never); returns how many steps there were."""
        self.bus.at, self.bus.steps, self.bus.armed = at, 0, True
        with contextlib.suppress(Killed):
            await replay(self.bus, found)
        self.bus.armed = False
        return self.bus.steps


@pytest.fixture
async def yard(tmp_path: Path) -> Graveyard:
    return Graveyard(tmp_path)


async def test_a_repaired_failure_completes(yard: Graveyard) -> None:
    found = await yard.fill()
    await yard.repair()
    assert await replay(yard.bus, found) == "replayed"
    assert await letters(yard.bus) == []
    [job] = await yard.jobs()
    assert (job.subject, job.data, job.headers) == (found.subject, found.data, found.headers)
    await yard.work()
    types = await yard.types()
    assert types[:4] == ["queued", "failed", "queued", "started"]
    assert types[4:] == ["segment", "segment", "completed"]
    state = await yard.site.version(yard.job)
    assert state.queued is not None
    assert (state.queued.metadata, state.queued.correlation_id) == ({"unit": 7}, "c-1")
    assert (await yard.site.transcript(yard.job)).text


async def test_a_letter_that_was_replayed_is_replayed_no_more(yard: Graveyard) -> None:
    found = await yard.fill()
    await yard.repair()
    await replay(yard.bus, found)
    assert await replay(yard.bus, found) == "known"
    await yard.work()
    assert await replay(yard.bus, found) == "completed"
    await yard.work()
    assert len(yard.engine.decoded) == 1
    assert (await yard.types()).count("queued") == 2


async def test_many_replays_at_once_are_one(yard: Graveyard) -> None:
    found = await yard.fill()
    await yard.repair()
    outcomes = await asyncio.gather(*(replay(yard.bus, found) for _ in range(8)))
    assert outcomes.count("replayed") == 1
    assert set(outcomes) == {"replayed", "known"}
    assert len(await yard.jobs()) == 1
    await yard.work()
    assert (await yard.types()).count("started") == 1
    assert await letters(yard.bus) == []


@pytest.mark.parametrize("forgotten", [False, True])
@pytest.mark.parametrize("worked", [False, True])
@pytest.mark.parametrize("repaired", [False, True])
async def test_wherever_a_replay_dies_the_next_one_ends_it(
    tmp_path: Path, forgotten: bool, worked: bool, repaired: bool
) -> None:
    """`forgotten`: the server no longer knows the message ids. `worked`: a worker had time."""
    steps = 6
    for at in range(1, steps + 1):
        yard = Graveyard(tmp_path)
        found = await yard.fill()
        if repaired:
            await yard.repair()
        assert await yard.replay_killed(found, at) == at
        if worked:
            await yard.work()
        if forgotten:
            yard.clock.skew += WINDOW + 1
        left = await letter(yard.bus, found.sequence)
        if left is not None:
            await replay(yard.bus, left)
        await yard.work()
        assert await letter(yard.bus, found.sequence) is None, at
        assert (await yard.types()).count("queued") == 2, at
        state = await yard.site.version(yard.job)
        assert state.finished, at
        if repaired:
            assert len(yard.engine.decoded) == 1, at
            assert await letters(yard.bus) == [], at
        else:
            # It died again, of which there is one new letter.
            assert (await yard.types()).count("failed") == 2, at
            assert (await yard.only()).sequence > found.sequence, at


async def test_a_replay_has_six_steps(yard: Graveyard) -> None:
    assert await yard.replay_killed(await yard.fill(), at=0) == 6


async def test_a_slow_replay_does_not_revive_what_failed_since(yard: Graveyard) -> None:
    """The first replay's job died before the second one looks."""
    found = await yard.fill()
    await replay(yard.bus, found)
    await yard.work()
    assert await replay(yard.bus, found) == "known"
    assert await yard.jobs() == []
    assert (await yard.site.version(yard.job)).failed is not None
    again = await yard.only()
    assert again.sequence > found.sequence
    await yard.repair()
    assert await replay(yard.bus, again) == "replayed"
    await yard.work()
    assert (await yard.site.version(yard.job)).completed is not None


async def test_a_version_that_is_worked_on_is_left_alone(yard: Graveyard) -> None:
    """A worker died after the letter and before `failed`: its job is still queued."""
    await yard.bus.ensure(topology())
    await yard.site.submit(yard.job, CALL)
    [job] = await yard.jobs()
    await yard.bus.publish(dead_message("transcriber", job, "x", "y"))
    found = await yard.only()
    assert await replay(yard.bus, found) == "busy"
    assert await yard.only() == found
    await yard.work()
    assert await replay(yard.bus, found) == "completed"
    assert await letters(yard.bus) == []


async def test_a_version_whose_failure_nobody_could_tell_is_queued_again(yard: Graveyard) -> None:
    """A worker died after the letter and before `failed`, and the queue was lost with its job."""
    await yard.bus.ensure(topology())
    await yard.site.submit(yard.job, CALL)
    [job] = await yard.jobs()
    await yard.bus.publish(dead_message("transcriber", job, "x", "y"))
    yard.bus.delete_stream(JOBS.name)
    await yard.bus.ensure(topology())
    assert await replay(yard.bus, await yard.only()) == "replayed"
    await yard.work()
    assert (await yard.site.version(yard.job)).completed is not None
    assert await letters(yard.bus) == []


async def test_a_version_whose_events_are_gone_is_queued_again(yard: Graveyard) -> None:
    found = await yard.fill()
    await yard.repair()
    yard.bus.delete_stream(EVENTS.name)
    assert await replay(yard.bus, found) == "replayed"
    await yard.work()
    assert await yard.types() == ["queued", "started", "segment", "segment", "completed"]


async def test_what_never_decoded_dies_again(yard: Graveyard) -> None:
    await yard.bus.ensure(topology())
    await yard.bus.publish(Message(JOBS.subjects[0], b"no job", {"ce-id": "7"}))
    await yard.work()
    first = await yard.only()
    assert await replay(yard.bus, first) == "replayed"
    await yard.work()
    second = await yard.only()
    assert second.sequence > first.sequence
    assert (second.data, second.headers, second.code) == (b"no job", {"ce-id": "7"}, first.code)
    assert await yard.types() == []


async def test_a_letter_without_an_origin_cannot_be_replayed(yard: Graveyard) -> None:
    await yard.bus.ensure(topology())
    await yard.bus.publish(Message("echobase.dead.x", b"?"))
    found = await yard.only()
    with pytest.raises(CannotSucceed, match="where it belongs"):
        await replay(yard.bus, found)
    assert await yard.only() == found
    assert await drop(yard.bus, found)
    assert not await drop(yard.bus, found)


async def test_a_bus_that_is_away_loses_no_letter(yard: Graveyard) -> None:
    found = await yard.fill()
    yard.bus.away = True
    with pytest.raises(BusUnavailable):
        await replay(yard.bus, found)
    yard.bus.away = False
    assert await yard.only() == found


async def test_a_letter_of_the_stream_s_earlier_life_is_another_one(yard: Graveyard) -> None:
    """DEAD was deleted and made again: its sequences begin anew, and so do the ids."""
    found = await yard.fill()
    await replay(yard.bus, found)
    await yard.work()
    yard.bus.delete_stream(DEAD.name)
    job: Job = yard.job
    [failed_again] = [m for m in [await yard.bus.last(EVENTS.name, "echobase.events.>")] if m]
    assert failed_again.subject.endswith("failed")
    original = StoredMessage(found.subject, found.data, found.headers, 9)
    await yard.bus.publish(dead_message("transcriber", original, "x", "y"))
    await yard.site.store.put(job.audio, wav(seconds=1), content_type="audio/wav")
    again = await yard.only()
    assert again.sequence == found.sequence
    assert await replay(yard.bus, again) == "replayed"
    await yard.work()
    assert (await yard.site.version(job)).completed is not None
