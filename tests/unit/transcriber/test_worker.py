"""What becomes of a job: on a bus and a store in memory, with a scripted engine."""

import asyncio
import threading

import pytest

from services.transcriber.attempt import common
from services.transcriber.chunk import Chunk, Spoken
from services.transcriber.engine import Engine
from services.transcriber.scripted_engine import ScriptedEngine, say_start
from shared import object_keys
from shared.bus import Message
from shared.errors import ModelUnavailable
from shared.memory_bus import MemoryBus
from shared.memory_store import MemoryStore
from shared.messages import (
    Completed,
    Failed,
    Options,
    Segment,
    decode,
)
from tests.support import audio_files
from tests.support.scripted import (
    CALL,
    ONE,
    TRAITS,
    engine,
    events,
    nothing_pending,
    start_elsewhere,
    writer_of,
)
from tests.support.transcribing import POLICY, Hand, Site, eventually, make_job, sample


async def test_a_call_becomes_a_transcript(site: Site) -> None:
    model = engine()
    job = await site.submit(make_job(options=Options(words=True)), sample(CALL))
    async with site.worker(model):
        state = await site.finished(job)
        await eventually(lambda: nothing_pending(site))
    assert len(model.decoded) == 2
    assert [event.type for event in await events(site)] == [
        "queued",
        "started",
        *["segment"] * 4,
        "completed",
    ]
    for event in (await events(site))[1:]:
        assert (event.metadata, event.correlation_id) == ({"unit": 7}, "c-1")
    assert [(s.index, s.chunk) for s in state.segments] == [(0, 0), (1, 0), (2, 1), (3, 1)]
    assert state.starts[0].plan.options == Options(model="scripted", words=True)
    transcript = await site.transcript(job)
    assert transcript.text == " ".join(s.text for s in state.segments)
    assert transcript.segments[0].words
    assert transcript.language == "en"
    assert state.completed is not None
    assert state.completed.segments == 4
    assert state.completed.duration == transcript.duration == pytest.approx(6.36, abs=0.1)


async def test_a_worker_without_work_says_so_once(site: Site) -> None:
    said: list[str] = []

    async def told() -> bool | None:
        return True if said else None

    async with site.worker(engine(), idle=lambda: said.append("idle")):
        for number in (1, 2):
            await site.finished(await site.submit(make_job(number), sample(CALL)))
            await eventually(told)
            assert said == ["idle"]
            said.clear()


async def test_a_recording_without_speech_has_an_empty_transcript(site: Site) -> None:
    job = await site.submit(make_job(), audio_files.wav(seconds=2, pitch=1))
    async with site.worker(engine()):
        state = await site.finished(job)
    assert state.completed is not None
    assert (state.completed.segments, state.completed.language) == (0, None)
    assert (await site.transcript(job)).text == ""


@pytest.mark.parametrize("end", ["completed", "failed"])
async def test_a_version_that_is_finished_is_acknowledged_without_work(
    site: Site, end: str
) -> None:
    job = await site.submit(make_job(), None)
    writer = await writer_of(site, job)
    await writer.publish(
        Failed(**common(job), code="x", reason="x")
        if end == "failed"
        else Completed(
            **common(job),
            transcript="t",
            segments=0,
            duration=1,
            language=None,
            model="m",
            processing=1,
        )
    )
    before = len(await events(site))
    async with site.worker(model := engine()):
        await eventually(lambda: nothing_pending(site))
    assert model.decoded == []
    assert len(await events(site)) == before
    assert await site.dead() == []


async def test_at_the_limit_the_audio_is_not_opened(site: Site, store: MemoryStore) -> None:
    job = await site.submit(make_job(), sample(CALL))
    for _ in range(POLICY.attempts):
        await start_elsewhere(site, job)
    store.objects.clear()  # opening it would be another error
    async with site.worker(engine()):
        state = await site.finished(job)
        await eventually(lambda: nothing_pending(site))
    assert state.failed is not None
    assert state.failed.code == "too-many-attempts"
    assert len(await site.dead()) == 1


async def test_a_message_that_does_not_decode_ends_in_the_dead_letters(
    site: Site, bus: MemoryBus
) -> None:
    await bus.publish(Message("echobase.jobs.live", b'{"recording": 1', {"ce-id": "7"}))
    async with site.worker(engine()):
        await eventually(lambda: nothing_pending(site))
    (dead,) = await site.dead()
    assert dead["Echobase-Dead-Code"] == "bad-message"
    assert dead["Echobase-Original-ce-id"] == "7"
    assert await events(site) == []


@pytest.mark.parametrize(
    ("audio", "options", "code"),
    [
        (b"these bytes are no audio", Options(), "not-audio"),
        (b"", Options(), "not-audio"),
        (None, Options(), "object-missing"),
        (sample(CALL), Options(language="de"), "not-supported"),
        (sample(CALL), Options(model="gone"), "model-unavailable"),
    ],
)
async def test_what_cannot_succeed_ends_in_the_dead_letters(
    site: Site, audio: bytes | None, options: Options, code: str
) -> None:
    job = await site.submit(make_job(options=options), audio)
    good = await site.submit(make_job(2), sample(CALL))
    async with site.worker(engine()):
        state = await site.finished(job)
        assert (await site.finished(good)).completed
        await eventually(lambda: nothing_pending(site))
    assert state.failed is not None
    assert (state.failed.code, state.completed) == (code, None)
    (dead,) = await site.dead()
    assert dead["Echobase-Dead-Code"] == code
    # EVENTS forgets.
    key = object_keys.failed(job.recording, job.version)
    assert decode(await site.store.get(key), Failed) == state.failed


async def test_a_model_that_cannot_be_had_is_asked_for_once(site: Site) -> None:
    asked: list[str] = []

    def load(name: str) -> Engine:
        asked.append(name)
        raise ModelUnavailable(f"there is no model named {name!r}")

    job = await site.submit(make_job(options=Options(model="gone")), sample(CALL))
    async with site.worker(engine(), load=load):
        state = await site.finished(job)
    assert (asked, state.starts) == (["gone"], ())
    assert state.failed is not None
    assert state.failed.reason == "there is no model named 'gone'"


async def test_a_model_that_another_worker_had_is_asked_for_again(site: Site) -> None:
    asked: list[str] = []

    def load(name: str) -> Engine:
        asked.append(name)
        if len(asked) == 1:
            raise ModelUnavailable(f"there is no model named {name!r}")
        return ScriptedEngine(name)

    job = await site.submit(make_job(), sample(CALL))
    await start_elsewhere(site, job, model="large")
    async with site.worker(engine(), load=load):
        state = await site.finished(job)
    assert len(asked) == 2
    assert state.completed


async def test_a_model_that_fails_each_time_is_tried_to_the_limit(site: Site) -> None:
    def fail(chunk: Chunk) -> list[Spoken]:
        raise RuntimeError("out of memory")

    job = await site.submit(make_job(), sample(CALL))
    async with site.worker(engine(fail)):
        state = await site.finished(job)
    assert len(state.starts) == POLICY.attempts
    assert state.failed is not None
    assert "out of memory" in state.failed.reason
    assert len(await site.dead()) == 1


async def test_a_model_that_fails_once_is_asked_again(site: Site) -> None:
    calls: list[float] = []

    def fail_once(chunk: Chunk) -> list[Spoken]:
        calls.append(chunk.start)
        if len(calls) == 2:
            raise RuntimeError("for once")
        return say_start(chunk)

    job = await site.submit(make_job(), sample(CALL))
    async with site.worker(engine(fail_once), workers=1, limits=ONE):
        state = await site.finished(job)
    assert state.completed is not None
    assert len(calls) == 3, "the chunk that was stored is not decoded again"
    assert [s.index for s in state.segments] == [0, 1, 2, 3]


async def test_a_worker_that_lost_the_fence_touches_nothing(site: Site) -> None:
    loop = asyncio.get_running_loop()
    job = make_job()

    overtakers = iter([1])

    def overtaken(chunk: Chunk) -> list[Spoken]:
        if next(overtakers, None):
            asyncio.run_coroutine_threadsafe(start_elsewhere(site, job), loop).result(20)
        return say_start(chunk)

    await site.submit(job, sample(CALL))
    model = engine(overtaken)
    async with site.worker(model):

        async def stopped() -> bool | None:
            return True if len((await site.version(job)).starts) == 2 else None

        await eventually(stopped)
    state = await site.version(job)
    assert (state.segments, state.finished) == ((), False)
    assert await site.pending() == 1
    assert await site.dead() == []


async def test_told_to_end_it_finishes_the_chunk_and_hands_back_the_rest(site: Site) -> None:
    hands: list[Hand] = []
    loop = asyncio.get_running_loop()

    def stop(chunk: Chunk) -> list[Spoken]:
        loop.call_soon_threadsafe(hands[0].stopping.set)
        return say_start(chunk)

    first, second = engine(stop), engine()
    job = await site.submit(make_job(), sample(CALL))
    hands.append(site.worker(first, workers=1, limits=ONE))
    async with hands[0] as hand:
        assert hand.task is not None
        await asyncio.wait_for(asyncio.shield(hand.task), 20)
    state = await site.version(job)
    assert [s.index for s in state.segments] == [0, 1]
    async with site.worker(second, name="w2"):
        state = await site.finished(job)
    assert len(first.decoded) == len(second.decoded) == 1
    assert [start.worker for start in state.starts] == ["w1", "w2"]
    assert [s.index for s in state.segments] == [0, 1, 2, 3]


async def test_a_chunk_that_hangs_is_left_behind_and_no_attempt_counted(site: Site) -> None:
    release, begun = threading.Event(), threading.Event()

    def hang(chunk: Chunk) -> list[Spoken]:
        begun.set()
        release.wait(30)
        return []

    job = await site.submit(make_job(), sample(CALL))
    async with site.worker(engine(hang), chunk_allowance=0.01):
        await asyncio.to_thread(begun.wait, 20)
    state = await site.version(job)
    assert (len(state.starts), state.attempts_without_progress) == (1, 0)
    async with site.worker(engine(), name="w2"):
        assert (await site.finished(job)).completed
    release.set()


async def test_a_store_that_is_away_is_no_attempt(site: Site, store: MemoryStore) -> None:
    job = await site.submit(make_job(), sample(CALL))
    store.away = True
    async with site.worker(engine()):
        await asyncio.sleep(0.3)
        assert not (await site.version(job)).starts
        store.away = False
        state = await site.finished(job)
    assert state.completed is not None
    assert len(state.starts) == 1


async def test_an_outage_in_the_middle_is_outlasted(
    site: Site, store: MemoryStore, bus: MemoryBus
) -> None:
    loop = asyncio.get_running_loop()

    def away() -> None:
        bus.away = store.away = True
        loop.call_later(0.3, back)

    def back() -> None:
        bus.away = store.away = False

    def lose_everything(chunk: Chunk) -> list[Spoken]:
        loop.call_soon_threadsafe(away)
        return say_start(chunk)

    job = await site.submit(make_job(), sample(CALL))
    async with site.worker(engine(lose_everything)):

        async def completed() -> bool | None:
            return True if not bus.away and (await site.version(job)).completed else None

        await eventually(completed)
    state = await site.version(job)
    assert len(state.starts) == 1
    assert [s.index for s in state.segments] == [0, 1, 2, 3]


async def test_the_frozen_plan_is_obeyed_by_whoever_resumes(site: Site) -> None:
    job = await site.submit(make_job(), sample(CALL))
    await start_elsewhere(site, job, model="large")
    loaded: list[str] = []

    def load(name: str) -> Engine:
        loaded.append(name)
        return ScriptedEngine(name)

    async with site.worker(engine(), load=load):
        state = await site.finished(job)
    assert loaded == ["large"]
    assert state.starts[1].plan == state.starts[0].plan
    assert (await site.transcript(job)).model == "large"


async def test_a_model_is_loaded_once_for_many_jobs(site: Site) -> None:
    loaded: list[str] = []

    def load(name: str) -> Engine:
        loaded.append(name)
        return ScriptedEngine(name, TRAITS)

    jobs = [
        await site.submit(make_job(n, options=Options(model=model)), sample("backup.ogg"))
        for n, model in enumerate(["large", "large", "scripted", "large"])
    ]
    async with site.worker(engine(), load=load):
        models = [(await site.finished(job)).starts[0].plan.model for job in jobs]
    assert loaded == ["large"]
    assert models == ["large", "large", "scripted", "large"]


async def test_a_version_whose_first_segments_have_aged_out_fails(site: Site) -> None:
    job = await site.submit(make_job(), sample(CALL))
    await start_elsewhere(site, job)
    writer = await writer_of(site, job)
    await writer.publish(
        Segment(**common(job), index=1, chunk=0, start=0, end=1, text="late", confidence=1)
    )
    async with site.worker(engine()):
        state = await site.finished(job)
    assert state.failed is not None
    assert "ask for a new version" in state.failed.reason
