"""Messages of SUBMIT: taken once, refused aloud, or waiting; whatever dies in between."""

import asyncio
import json
from contextlib import suppress
from pathlib import Path

import pytest

from services.ingest.submissions import ATTEMPTS, decide
from shared import envelope, object_keys
from shared.errors import (
    BadInput,
    BadMessage,
    BusUnavailable,
    Full,
    ObjectMissing,
    StoreUnavailable,
)
from shared.messages import Job, Recording, VersionRequest, decode
from tests.support import audio_files
from tests.support.ingest import MIB, files, jobs, until
from tests.support.ingest_lives import World, forwarded, process, settled
from tests.support.submitting import dead, inline, queued, refused, stored, submit, waiting

WAV = audio_files.wav()
KEY = "inbox/call.wav"


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path / "spool")


SAID = {"correlation_id": "call-1", "metadata": {"incident": 42}, "words": True}


@pytest.mark.parametrize("way", ["inline", "inbox"])
async def test_a_submission_becomes_a_recording(world: World, way: str) -> None:
    async with process(world) as ingest:
        world.store.objects[KEY] = WAV
        data = inline(WAV, **SAID) if way == "inline" else stored(KEY, **SAID)
        await submit(world.bus, data)
        await settled(world)
        await forwarded(ingest)
        (job,) = [decode(m.data, Job) for m in await jobs(world.bus)]
        (event,) = await queued(world.bus)
        assert world.store.objects[job.audio] == WAV
        for each in (job, event):
            assert (each.correlation_id, each.metadata) == ("call-1", {"incident": 42})
            assert (each.source, each.channel, each.options.words) == ("county", "fire", True)
        record = decode(world.store.objects[object_keys.record(job.recording)], Recording)
        assert (record.correlation_id, record.metadata) == ("call-1", {"incident": 42})
        assert record.filename == (None if way == "inline" else "call.wav")
        asked = decode(world.store.objects[object_keys.request(job.recording, 1)], VersionRequest)
        assert asked.correlation_id == "call-1"
        if way == "inbox":
            await until(lambda: not world.objects("inbox/"))
        assert await dead(world.bus) == []


@pytest.mark.parametrize("way", ["inline", "inbox"])
async def test_a_doubled_submission_is_one_recording(world: World, way: str) -> None:
    data = inline(WAV) if way == "inline" else stored(KEY)
    async with process(world) as ingest:
        world.store.objects[KEY] = WAV
        await submit(world.bus, data)
        await submit(world.bus, data)
        await settled(world)
        await forwarded(ingest)
        if way == "inbox":
            await until(lambda: not world.objects("inbox/"))
        # After the object is gone too.
        await submit(world.bus, data)
        await settled(world)
    # And by a later process.
    async with process(world):
        await submit(world.bus, data)
        await settled(world)
    assert len(await jobs(world.bus)) == 1
    assert len(await queued(world.bus)) == 1
    assert await refused(world.bus) == []


REFUSED = [
    (b"no JSON", "bad-message", None),
    (b"{}", "bad-input", "audio"),
    (inline(WAV, format=2), "bad-input", "format"),
    (inline(WAV, lane="express"), "bad-input", "lane"),
    (inline(WAV, source="elsewhere"), "bad-input", "source"),
    (inline(b""), "not-audio", "audio"),
    (inline(b"some text, which is no audio"), "not-audio", "audio"),
    (inline(b"#EXTM3U\nhttp://127.0.0.1:9/x.wav\n"), "not-audio", "audio"),
    (inline(audio_files.wav(61.0, rate=4_000)), "too-large", "audio"),
    (inline(bytes(600_000)), "too-large", "audio"),
    (stored("inbox/gone.wav"), "object-missing", None),
    (stored("inbox/text.wav"), "not-audio", "object"),
    (stored("inbox/empty.wav"), "not-audio", "object"),
    (stored("inbox/large.wav"), "too-large", "object"),
    (stored("inbox/../recordings/x"), "bad-input", "object"),
    (stored("../inbox/call.wav"), "bad-input", "object"),
    (stored("/inbox/call.wav"), "bad-input", "object"),
    (stored("inbox/%2e%2e/x"), "bad-input", "object"),
    (stored(""), "bad-input", "object"),
]


@pytest.mark.parametrize(("data", "code", "field"), REFUSED)
async def test_a_refusal_is_said_kept_and_leaves_nothing(
    world: World, data: bytes, code: str, field: str | None
) -> None:
    objects = {
        "inbox/text.wav": b"some text, which is no audio",
        "inbox/empty.wav": b"",
        "inbox/large.wav": bytes(MIB + 1),
    }
    async with process(world, most_inline=500_000):
        world.store.objects.update(objects)
        with suppress(ValueError):
            data = json.dumps({**json.loads(data), **SAID}).encode()
        sequence = await submit(world.bus, data, Trace="kept")
        await settled(world)
        (event,) = await refused(world.bus)
        assert (event.code, event.field, event.sequence) == (code, field, sequence)
        assert event.reason
        if code != "bad-message":
            assert (event.correlation_id, event.metadata) == ("call-1", {"incident": 42})
        (letter,) = await dead(world.bus)
        assert letter.data == data
        assert letter.headers[envelope.DEAD_CODE] == code
        assert envelope.percent_decode(letter.headers[envelope.DEAD_REASON]) == event.reason
        assert letter.headers[envelope.ORIGINAL + "Trace"] == "kept"
        assert world.store.objects == objects
        assert files(world.folder) == []
        # The service goes on.
        await submit(world.bus, inline(WAV))
        await settled(world)
    assert len(await refused(world.bus)) == 1


async def test_a_full_spool_refuses_nothing(world: World) -> None:
    async with process(world, spool_bytes=10_000):
        await submit(world.bus, inline(WAV))
        async with asyncio.timeout(20.0):
            while world.now < 60.0:
                world.now += 1.0
                await asyncio.sleep(0.005)
        assert len(await waiting(world.bus)) == 1
        assert files(world.folder) == []
    async with process(world) as ingest:
        await settled(world)
        await forwarded(ingest)
    assert await refused(world.bus) == await dead(world.bus) == []


async def test_a_store_that_is_away_refuses_nothing(world: World) -> None:
    async with process(world) as ingest:
        world.store.objects[KEY] = WAV
        world.store.away = True
        await submit(world.bus, stored(KEY))
        async with asyncio.timeout(20.0):
            while world.now < 60.0:
                world.now += 1.0
                await asyncio.sleep(0.005)
        assert len(await waiting(world.bus)) == 1
        world.store.away = False
        await settled(world)
        await forwarded(ingest)
    assert await refused(world.bus) == await dead(world.bus) == []


@pytest.mark.parametrize("fails", ["echobase.dead", ".refused"])
@pytest.mark.parametrize("after", [False, True])
async def test_a_refusal_that_breaks_off_is_said_once(
    world: World, fails: str, after: bool
) -> None:
    async with process(world):
        world.bus.fails, world.bus.after = fails, after
        await submit(world.bus, b"no JSON")
        await asyncio.sleep(0.1)
        assert len(await waiting(world.bus)) == 1
        world.bus.fails = None
        await settled(world)
    assert len(await refused(world.bus)) == 1
    assert len(await dead(world.bus)) == 1


async def test_headers_that_do_not_fit_a_dead_letter_are_left_out(world: World) -> None:
    async with process(world):
        many = {f"h{n}": "" for n in range(60_000)}
        await submit(world.bus, b"no JSON", **many)
        (message,) = await waiting(world.bus)
        assert len(message.headers) == 60_000
        await settled(world)
        (letter,) = await dead(world.bus)
        assert letter.data == b"no JSON"


@pytest.mark.parametrize(
    ("error", "attempt", "final"),
    [
        (BadInput("x", field="lane"), 1, True),
        (BadMessage("x"), 1, True),
        (ObjectMissing("x"), 1, True),
        (Full("x"), 1_000, False),
        (StoreUnavailable("x"), 1_000, False),
        (BusUnavailable("x"), 1_000, False),
        (OSError("x"), 1_000, False),
        (RuntimeError("x"), ATTEMPTS - 1, False),
        (RuntimeError("x"), ATTEMPTS, True),
    ],
)
def test_what_is_final(error: Exception, attempt: int, final: bool) -> None:
    assert (decide(error, attempt) is not None) == final
