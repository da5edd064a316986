"""Many recordings, one model."""

import asyncio
import threading
from collections.abc import Callable, Sequence

import numpy as np
import pytest

from services.transcriber.batcher import AHEAD, Batcher, Line
from services.transcriber.chunk import Chunk, Spoken
from services.transcriber.chunks import RATE
from services.transcriber.model_folder import Traits
from services.transcriber.patience import Stopped
from services.transcriber.plan import make_plan
from services.transcriber.schedule import BACKFILL, LIVE, URGENT, Limits
from services.transcriber.scripted_engine import ScriptedEngine, say_start
from services.transcriber.turns import Turns
from shared.messages import Options
from shared.settings import TranscriberSettings

PLAN = make_plan(Options(), TranscriberSettings(), "scripted", Traits())
PATIENCE = 10.0
"""Seconds."""


def chunk(start: float) -> Chunk:
    return Chunk(np.zeros(RATE, np.float32), start, PLAN, "en")


def batcher(workers: int = 1, most: int = 4, wait: float = 0.0) -> Batcher:
    return Batcher(workers, Limits(most, wait), Turns(1), asyncio.Event())


async def come(shared: Batcher, windows: int) -> None:
    """Until so many windows wait for the model."""
    async with asyncio.timeout(PATIENCE):
        while shared.waiting < windows:  # noqa: ASYNC110 - threads prepare them
            await asyncio.sleep(0.001)


class Gate:
    """A script that lets nothing through before it is opened."""

    def __init__(self) -> None:
        self.reached = threading.Event()
        self.opened = threading.Event()

    def __call__(self, chunk: Chunk) -> list[Spoken]:
        self.reached.set()
        assert self.opened.wait(PATIENCE)
        return say_start(chunk)


async def ask(
    shared: Batcher,
    line: Line,
    engine: ScriptedEngine,
    starts: Sequence[float],
    *,
    alone: bool = False,
) -> list[list[Spoken] | BaseException]:
    async def one(start: float) -> list[Spoken]:
        return await shared.decode(line, engine, lambda: chunk(start), lambda: None, alone=alone)

    return await asyncio.gather(*(one(start) for start in starts), return_exceptions=True)


async def behind_a_gate(
    shared: Batcher,
    engine: ScriptedEngine,
    gate: Gate,
    ask_more: Callable[[], None],
    windows: int,
) -> None:
    """One window occupies the model while others are asked for."""
    first = asyncio.ensure_future(ask(shared, shared.open(LIVE), engine, [0]))
    assert await asyncio.to_thread(gate.reached.wait, PATIENCE)
    ask_more()
    await come(shared, windows + 1)
    gate.opened.set()
    await first


async def test_windows_of_many_recordings_share_a_call() -> None:
    gate = Gate()
    engine, shared = ScriptedEngine(script=gate), batcher()
    asked: list[asyncio.Future[list[list[Spoken] | BaseException]]] = []

    def more() -> None:
        for start in range(1, 6):
            line = shared.open(LIVE)
            asked.append(asyncio.ensure_future(ask(shared, line, engine, [start])))

    await behind_a_gate(shared, engine, gate, more, 5)
    found = [spoken for each in asked for spoken in await each]
    assert found == [say_start(chunk(start)) for start in range(1, 6)]
    assert engine.calls == [1, 4, 1]


async def test_a_window_that_fails_fails_alone() -> None:
    gate = Gate()

    def script(chunk: Chunk) -> list[Spoken]:
        if chunk.start == 3:
            raise RuntimeError("poison")
        return gate(chunk)

    engine, shared = ScriptedEngine(script=script), batcher()
    asked: list[asyncio.Future[list[list[Spoken] | BaseException]]] = []

    def more() -> None:
        line = shared.open(LIVE)
        asked.append(asyncio.ensure_future(ask(shared, line, engine, [1, 2, 3, 4])))

    await behind_a_gate(shared, engine, gate, more, 4)
    good, also_good, bad, fine = await asked[0]
    assert isinstance(bad, RuntimeError)
    assert [good, also_good, fine] == [say_start(chunk(start)) for start in (1, 2, 4)]
    assert engine.calls == [1, 4, 2, 2, 1, 1]


async def test_out_of_memory_makes_the_batches_smaller_for_good() -> None:
    gate = Gate()

    class Small(ScriptedEngine):
        def generate(self, steps):  # type: ignore[no-untyped-def]
            if len(steps) > 2:
                raise RuntimeError("CUDA failed with error out of memory")
            return super().generate(steps)

    engine, shared = Small(script=gate), batcher()
    asked: list[asyncio.Future[list[list[Spoken] | BaseException]]] = []

    def more() -> None:
        line = shared.open(LIVE)
        starts = list(range(1, 8))
        asked.append(asyncio.ensure_future(ask(shared, line, engine, starts)))

    await behind_a_gate(shared, engine, gate, more, 7)
    assert [type(spoken) for spoken in await asked[0]] == [list] * 7
    assert engine.calls == [1, 2, 2, 2, 1]


async def test_the_urgent_overtake_and_a_long_recording_lets_others_in() -> None:
    gate = Gate()
    engine, shared = ScriptedEngine(script=gate), batcher(most=1)
    asked: list[asyncio.Future[list[list[Spoken] | BaseException]]] = []

    def more() -> None:
        for rank, starts in (
            (BACKFILL, [100, 101, 102]),
            (LIVE, [10, 11, 12]),
            (LIVE, [20]),
            (URGENT, [1]),
        ):
            line = shared.open(rank)
            asked.append(asyncio.ensure_future(ask(shared, line, engine, starts)))

    await behind_a_gate(shared, engine, gate, more, 8)
    for each in asked:
        await each
    assert engine.decoded == [0, 1, 10, 20, 11, 12, 100, 101, 102]


async def test_who_must_be_alone_shares_no_call() -> None:
    gate = Gate()
    engine, shared = ScriptedEngine(script=gate), batcher()
    asked: list[asyncio.Future[list[list[Spoken] | BaseException]]] = []

    def more() -> None:
        for alone in (True, False):
            line = shared.open(LIVE)
            asked.append(asyncio.ensure_future(ask(shared, line, engine, [1, 2], alone=alone)))

    await behind_a_gate(shared, engine, gate, more, 4)
    for each in asked:
        await each
    assert sorted(engine.calls) == [1, 1, 1, 2]


async def test_told_to_stop_what_has_begun_is_finished_and_nothing_else() -> None:
    gate = Gate()
    engine, stopping = ScriptedEngine(script=gate), asyncio.Event()
    shared = Batcher(1, Limits(4, 0.0), Turns(1), stopping)
    line = shared.open(LIVE)
    begun = asyncio.ensure_future(ask(shared, line, engine, [0]))
    assert await asyncio.to_thread(gate.reached.wait, PATIENCE)
    waiting = asyncio.ensure_future(ask(shared, line, engine, [1, 2]))
    await come(shared, 3)
    stopping.set()
    shared.stop()
    assert [type(each) for each in await waiting] == [Stopped, Stopped]
    assert [type(each) for each in await ask(shared, line, engine, [3])] == [Stopped]
    assert not shared.has_room(line)
    gate.opened.set()
    assert await begun == [say_start(chunk(0))]


async def test_a_recording_hands_in_more_only_while_there_is_little() -> None:
    shared = batcher(workers=2, most=4)
    line, other = shared.open(LIVE), shared.open(LIVE)
    assert shared.has_room(line)
    line.handed_in = AHEAD * 2 * 4
    assert not shared.has_room(line)
    assert shared.has_room(other)
    other.handed_in = 1
    assert not shared.has_room(other)
    shared.close(line)
    assert shared.has_room(other)


@pytest.mark.parametrize("expected", [True, False])
async def test_a_window_waits_only_while_others_are_on_their_way(expected: bool) -> None:
    engine, shared = ScriptedEngine(), batcher(wait=PATIENCE)
    other = shared.open(LIVE, expected=expected)
    asked = asyncio.ensure_future(ask(shared, shared.open(LIVE), engine, [1]))
    if expected:
        await come(shared, 1)
        assert engine.calls == []
        shared.close(other)
    assert await asyncio.wait_for(asked, PATIENCE / 2) == [say_start(chunk(1))]
