"""What is said of a channel counts for the next version, and never for one that has begun."""

import threading
from pathlib import Path

import msgspec
import pytest

from services.transcriber.chunk import Chunk, Spoken
from services.transcriber.model_folder import Traits
from services.transcriber.scripted_engine import ScriptedEngine
from shared.memory_bus import MemoryBus
from shared.memory_store import MemoryStore
from shared.messages import Options
from shared.topology import topology
from tests.support.channels import FIRE, book_on, say
from tests.support.ingest import until
from tests.support.scripted import ONE
from tests.support.transcribing import Clock, Site, eventually, make_job, sample

ACK_WAIT = 30.0
TRAITS = Traits(longest_chunk=8, join_pauses=False, shortest_pause=0.3, padding=0.15)
CALL = "hospital.ogg"
"""Has two chunks under these traits."""
LATER = msgspec.structs.replace(FIRE, prompt="Truck 9.", hotwords=["Elm Street"])


def tell(chunk: Chunk) -> list[Spoken]:
    """One segment: what the chunk was decoded with."""
    options = chunk.plan.options
    return [Spoken(chunk.start, chunk.start + 1, f"{options.prompt} {options.hotwords}", 0.9, [])]


FIRST = "Engine 4, Medic 2. Engine 4, Birch Street"
NEXT = "Truck 9. Elm Street"


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def site(tmp_path: Path, clock: Clock) -> Site:
    bus = MemoryBus(clock)
    await bus.ensure(topology(ack_wait=ACK_WAIT))
    return Site(bus, MemoryStore(), tmp_path)


async def test_a_change_counts_for_the_next_recording_without_a_restart(site: Site) -> None:
    engine = ScriptedEngine(traits=TRAITS, script=tell)
    async with book_on(site.bus, site.folder / "channels.json") as book:
        await say(site.bus, FIRE)
        await until(lambda: book.all() == [FIRE])
        async with site.worker(engine, channels=book.find):
            first = await site.submit(make_job(1), sample(CALL))
            state = await site.finished(first)
            assert state.starts[0].plan.options.language == "en"
            await say(site.bus, LATER)
            await until(lambda: book.all() == [LATER])
            second = await site.submit(make_job(2), sample(CALL))
            asked = await site.submit(make_job(3, options=Options(prompt="Own.")), sample(CALL))
            await site.finished(second)
            await site.finished(asked)
    assert [s.text for s in (await site.transcript(first)).segments] == [FIRST, FIRST]
    assert [s.text for s in (await site.transcript(second)).segments] == [NEXT, NEXT]
    assert {s.text for s in (await site.transcript(asked)).segments} == {"Own. Elm Street"}


async def test_a_version_that_has_begun_keeps_its_plan(site: Site, clock: Clock) -> None:
    release, reached = threading.Event(), threading.Event()

    def hang_in_the_second(chunk: Chunk) -> list[Spoken]:
        if chunk.start > 0.5 and not release.is_set():
            reached.set()
            release.wait(30)
        return tell(chunk)

    async with book_on(site.bus, site.folder / "channels.json") as book:
        await say(site.bus, FIRE)
        await until(lambda: book.all() == [FIRE])
        job = await site.submit(make_job(), sample(CALL))
        engine = ScriptedEngine(traits=TRAITS, script=hang_in_the_second)
        hand = site.worker(engine, channels=book.find, workers=1, limits=ONE)
        async with hand:

            async def one_segment() -> bool | None:
                return True if len((await site.version(job)).segments) == 1 else None

            await eventually(one_segment)
            await until(reached.is_set)
            await hand.kill()
            release.set()
        await say(site.bus, LATER)
        await until(lambda: book.all() == [LATER])
        clock.skew += ACK_WAIT + 1
        engine = ScriptedEngine(traits=TRAITS, script=tell)
        async with site.worker(engine, name="w2", channels=book.find):
            state = await site.finished(job)
    assert [start.worker for start in state.starts] == ["w1", "w2"]
    assert state.starts[0].plan == state.starts[1].plan
    assert [s.text for s in (await site.transcript(job)).segments] == [FIRST, FIRST]
