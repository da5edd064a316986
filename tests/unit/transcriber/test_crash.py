"""A worker that dies at any step: the next one finishes, and the transcript is the same."""

import asyncio
import contextlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from services.transcriber.chunk import Chunk, Spoken
from services.transcriber.model_folder import Traits
from services.transcriber.scripted_engine import ScriptedEngine, say_start
from shared.bus import Delivery, Fence, Message, Published
from shared.memory_bus import MemoryBus
from shared.memory_store import MemoryStore
from shared.messages import Transcript
from shared.topology import Consumer, topology
from tests.support.transcribing import Clock, Site, eventually, make_job, sample

TRAITS = Traits(longest_chunk=8, join_pauses=False, shortest_pause=0.3, padding=0.15)
ACK_WAIT = 30.0


class Killed(BaseException):
    """As kill -9 would: nothing catches it."""


class Fuse:
    """Kills the first worker at a step."""

    def __init__(self, at: int) -> None:
        self.at = at
        self.steps = 0
        self.armed = True

    def step(self) -> None:
        self.steps += 1
        if self.armed and self.steps == self.at:
            raise Killed


class FusedBus(MemoryBus):
    """Every effect of a worker is a step before and a step after it."""

    fuse = Fuse(0)

    async def publish(self, message: Message, fence: Fence | None = None) -> Published:
        self.fuse.step()
        done = await super().publish(message, fence)
        self.fuse.step()
        return done

    async def publish_batch(self, messages: Sequence[Message], fence: Fence) -> int:
        self.fuse.step()
        done = await super().publish_batch(messages, fence)
        self.fuse.step()
        return done

    async def fetch(self, consumer: Consumer, count: int, timeout: float) -> list[Delivery]:
        found = await super().fetch(consumer, count, timeout)
        if found:
            self.fuse.step()
        return found


class FusedStore(MemoryStore):
    """As above."""

    def __init__(self, fuse: Fuse) -> None:
        super().__init__()
        self.fuse = fuse

    async def get_file(self, key: str, path: Path) -> None:
        await super().get_file(key, path)
        self.fuse.step()

    async def put_if_absent(
        self, key: str, data: bytes, *, content_type: str = "application/json"
    ) -> bool:
        self.fuse.step()
        done = await super().put_if_absent(key, data, content_type=content_type)
        self.fuse.step()
        return done


def essence(transcript: Transcript) -> Mapping[str, object]:
    return {
        name: getattr(transcript, name)
        for name in transcript.__struct_fields__
        if name != "created"
    }


class Outcome(NamedTuple):
    """What came of a recording."""

    transcript: Transcript
    steps: int
    """Taken by all workers."""
    decoded: int
    """Chunks, those decoded again included."""


async def run(folder: Path, at: int) -> Outcome:
    """Kill the first worker at a step (0: never), and let a second one finish."""
    fuse = Fuse(at)
    clock = Clock()
    bus = FusedBus(clock)
    bus.fuse = Fuse(0)
    await bus.ensure(topology(ack_wait=ACK_WAIT))
    store = FusedStore(fuse)
    site = Site(bus, store, folder, ack_wait=ACK_WAIT)
    job = await site.submit(make_job(), sample("hospital.ogg"))
    bus.fuse = fuse

    def script(chunk: Chunk) -> list[Spoken]:
        fuse.step()
        return say_start(chunk)

    engine = ScriptedEngine(traits=TRAITS, script=script)
    first = site.worker(engine)
    running = asyncio.create_task(first.worker.run())

    async def acknowledged() -> bool | None:
        return True if await site.pending() == 0 else None

    async def over() -> bool | None:
        return True if running.done() else await acknowledged()

    await eventually(over)
    first.stopping.set()
    with contextlib.suppress(Killed):
        await running
    fuse.armed = False
    clock.skew += ACK_WAIT + 1
    async with site.worker(engine, name="w2"):
        state = await site.finished(job)
        await eventually(acknowledged)
    assert [s.index for s in state.segments] == list(range(4))
    assert state.completed is not None
    assert await site.dead() == []
    return Outcome(await site.transcript(job), fuse.steps, len(engine.decoded))


async def test_whatever_step_kills_a_worker_the_transcript_is_the_same(tmp_path: Path) -> None:
    undisturbed = await run(tmp_path, at=0)
    assert undisturbed.decoded == 2
    assert undisturbed.steps >= 12
    for at in range(1, undisturbed.steps + 1):
        disturbed = await run(tmp_path, at)
        assert essence(disturbed.transcript) == essence(undisturbed.transcript), at
        # Those that were decoded ahead, and not yet stored, are decoded again.
        assert disturbed.decoded <= 2 * undisturbed.decoded, at
