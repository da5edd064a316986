"""`echobase dead` on real servers, with a real worker, and readers who see what happens."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import uuid4

import msgspec
import pytest

from services.ingest.dead_letters import letters
from shared import object_keys
from shared.bus import Message
from shared.messages import Recording, encode
from shared.settings import StoreSettings
from shared.topology import JOBS
from tests.support.ingest import NOON, Ingest, put_in, serving
from tests.support.ingest import until as until_true
from tests.support.scene import Scene, scenery
from tests.support.servers import NatsFixture
from tests.support.stream import Reader, Running, reading, running, until_ready
from tests.support.transcribing import eventually, make_job, sample
from tests.unit.ingest.test_spool_refusals import WHY

pytestmark = pytest.mark.servers
CALL = sample("on-scene.ogg")


@pytest.fixture
async def scene(
    nats: NatsFixture, store_settings: StoreSettings, tmp_path: Path
) -> AsyncIterator[Scene]:
    async with scenery(nats.settings, store_settings, tmp_path) as found:
        yield found


@pytest.fixture
async def ingest(scene: Scene, tmp_path: Path) -> AsyncIterator[Ingest]:
    async with serving(tmp_path / "spool", scene.site.store, scene.site.bus) as service:
        scene.env = {**scene.env, "ECHOBASE_INGEST_PUBLIC_URL": service.url}
        yield service


@pytest.fixture
async def stream(scene: Scene) -> AsyncIterator[Running]:
    async with running(scene.env) as service:
        await until_ready(service)
        yield service


async def types(reader: Reader, count: int) -> list[str]:
    return [event.event for event in await reader.take(count)]


async def test_a_repaired_failure_completes_once(
    scene: Scene, ingest: Ingest, stream: Running
) -> None:
    site = scene.site
    job = make_job()
    recording = Recording(
        id=job.recording,
        source=job.source,
        channel=job.channel,
        sha256="0" * 64,
        size=len(CALL),
        audio=job.audio,
        container="ogg",
        codec="opus",
        duration=job.duration,
        received=NOON,
    )
    await site.store.put(object_keys.record(job.recording), encode(recording))
    transcript = f"/v1/recordings/{job.recording}/transcript.json"
    async with (
        site.worker(scene.engine),
        reading(stream.http, f"recording={job.recording}") as reader,
    ):
        await site.submit(job, None)
        assert await types(reader, 2) == ["queued", "failed"]
        await eventually(scene.pending_none)
        assert (await stream.http.get(transcript)).status_code == 410
        code, out, err = await scene.echobase("dead", "list", "--json")
        assert (code, err) == (0, "")
        item = msgspec.json.decode(out)
        assert (item["id"], item["place"], item["code"]) == ("1", "dead", "object-missing")
        assert (item["recording"], item["version"]) == (job.recording, 1)
        code, out, _ = await scene.echobase("dead", "show", "1")
        assert code == 0
        assert job.audio in out
        assert "echobase.jobs.live" in out
        await site.store.put(job.audio, CALL, content_type="audio/ogg")
        assert await scene.echobase("dead", "replay", "1") == (0, "1: queued again\n", "")
        assert await types(reader, 5) == ["queued", "started", "segment", "segment", "completed"]
        await eventually(scene.pending_none)
    assert (await stream.http.get(transcript)).status_code == 200
    code, _, err = await scene.echobase("dead", "replay", "1")
    assert (code, err) == (1, "echobase: 1: there is no dead letter 1\n")
    assert await scene.echobase("dead", "list") == (0, "nothing is dead\n", "")
    assert len(scene.engine.decoded) == 1


async def test_two_replays_at_once_are_one(scene: Scene, ingest: Ingest) -> None:
    site = scene.site
    jobs = [make_job(number) for number in range(6)]
    async with site.worker(scene.engine):
        for job in jobs:
            await site.submit(job, None)
        for job in jobs:
            await site.finished(job)
        await eventually(scene.pending_none)
    for job in jobs:
        await site.store.put(job.audio, CALL, content_type="audio/ogg")
    replays = await asyncio.gather(*(scene.echobase("dead", "replay", "--all") for _ in range(2)))
    assert "".join(out for _, out, _ in replays).count("queued again\n") == len(jobs)
    assert await letters(site.bus) == []
    await site.pending_becomes(len(jobs))
    async with site.worker(scene.engine):
        await eventually(scene.pending_none)
    for job in jobs:
        state = await site.version(job)
        assert state.completed is not None
        assert len(state.starts) == 1
    assert len(scene.engine.decoded) == len(jobs)


async def test_a_server_that_forgot_the_replay_does_no_harm(
    scene: Scene, nats: NatsFixture, ingest: Ingest
) -> None:
    """The memory of an acknowledged job's message id is gone after a restart."""
    site = scene.site
    job = make_job()
    async with site.worker(scene.engine):
        await site.submit(job, None)
        await site.finished(job)
        await eventually(scene.pending_none)
    [letter] = await letters(site.bus)
    await site.store.put(job.audio, CALL, content_type="audio/ogg")
    await scene.echobase("dead", "replay", "1")
    async with site.worker(scene.engine):
        await eventually(scene.pending_none)
    nats.kill()
    nats.start()
    await eventually(scene.pending_none)
    # As a replay that had stopped before its last step, and goes on now.
    again = Message(letter.subject, letter.data, letter.headers, "replay-x-1")
    await site.bus.publish(again)
    await site.pending_becomes(1)
    async with site.worker(scene.engine):
        await eventually(scene.pending_none)
    assert len(scene.engine.decoded) == 1


async def test_what_the_store_refuses_is_listed_beside_it(scene: Scene, ingest: Ingest) -> None:
    await scene.site.bus.publish(Message(JOBS.subjects[0], b"no job"))
    async with scene.site.worker(scene.engine):
        await eventually(scene.pending_none)
    held = await put_in(ingest.spool, b"audio")
    await ingest.spool.refuse(held, WHY)
    key = held.entry.key
    code, out, err = await scene.echobase("dead", "list")
    assert (code, err) == (0, "")
    rows = [line.split("\t") for line in out.splitlines()]
    assert [(row[0], row[3]) for row in rows] == [("1", "bad-message"), (key, "store-refused")]
    code, out, _ = await scene.echobase("dead", "show", key, "--json")
    assert (code, msgspec.json.decode(out)["item"]["reason"]) == (0, WHY.reason)
    code, out, _ = await scene.echobase("dead", "show", "1")
    assert (code, out.splitlines()[-1]) == (0, '"no job"')
    assert await scene.echobase("dead", "replay", key) == (0, f"{key}: queued again\n", "")
    await until_true(lambda: any(entry.forwarded for entry in ingest.spool.held))
    assert await scene.echobase("dead", "drop", "--all") == (0, "1: dropped\n", "")
    assert await scene.echobase("dead", "list") == (0, "nothing is dead\n", "")


async def test_a_refused_recording_is_dropped(scene: Scene, ingest: Ingest) -> None:
    held = await put_in(ingest.spool, b"audio")
    await ingest.spool.refuse(held, WHY)
    key = held.entry.key
    assert await scene.echobase("dead", "drop", key) == (0, f"{key}: dropped\n", "")
    assert ingest.spool.refusals == []
    code, out, err = await scene.echobase("dead", "drop", key)
    assert (code, out) == (1, "")
    assert "no refused entry" in err


async def test_a_place_that_is_away_is_said(scene: Scene, nats: NatsFixture) -> None:
    """Ingest does not run: the dead letters are shown all the same, and the exit tells."""
    await scene.site.bus.publish(Message("echobase.dead.x", b"?"))
    nowhere = {"ECHOBASE_INGEST_PUBLIC_URL": "http://127.0.0.1:9"}
    code, out, err = await scene.echobase("dead", "list", **nowhere)
    assert (code, out.split("\t")[0]) == (1, "1")
    assert "http://127.0.0.1:9/ does not answer" in err
    nats.kill()
    code, out, err = await scene.echobase("dead", "show", "1", **nowhere)
    assert (code, out) == (1, "")
    assert f"{nats.settings.nats_url} is away" in err
    nats.start()


@pytest.mark.parametrize(
    "arguments", [("replay",), ("drop",), ("replay", "1", "--all"), ("show",), ("drop", "--yes")]
)
async def test_what_is_meant_must_be_said(scene: Scene, arguments: tuple[str, ...]) -> None:
    code, _, err = await scene.echobase("dead", *arguments)
    assert code == 2
    assert "Usage:" in err


async def test_a_wrong_id_is_named(scene: Scene, ingest: Ingest) -> None:
    id = uuid4().hex
    code, _, err = await scene.echobase("dead", "replay", id, "7")
    assert code == 1
    assert f"no refused entry '{id}'" in err
    assert "no dead letter 7" in err
