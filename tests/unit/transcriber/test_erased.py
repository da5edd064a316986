"""A job of a recording that was erased: nothing is done, and nothing of it comes back."""

import threading
from datetime import UTC, datetime

from services.transcriber.chunk import Chunk, Spoken
from services.transcriber.model_folder import Traits
from services.transcriber.scripted_engine import ScriptedEngine, say_start
from shared import object_keys, subjects
from shared.erasure import Tombstone, bury
from shared.memory_store import MemoryStore
from shared.messages import Job
from shared.of_recording import of_recording
from shared.topology import EVENTS, JOBS
from tests.support.transcribing import Site, eventually, make_job, sample

CALL = "hospital.ogg"
TRAITS = Traits(longest_chunk=8, join_pauses=False, shortest_pause=0.3, padding=0.15)


async def erase(site: Site, job: Job) -> None:
    """What ingest does: the tombstone first, the events and the job, then the objects."""
    stone = Tombstone(recording=job.recording, time=datetime.now(UTC), reason="request")
    await bury(site.store, stone)
    for stream in (JOBS, EVENTS):
        found = [
            m.sequence
            async for batch in site.bus.read(stream.name, [">"])
            for m in batch
            if of_recording(m.subject, m.headers, m.data) == job.recording
        ]
        for sequence in reversed(found):
            await site.bus.delete(stream.name, sequence, erase=True)
    async for item in site.store.list(object_keys.recording_prefix(job.recording)):
        await site.store.delete(item.key)


async def nothing_of(site: Site, job: Job) -> None:
    prefix = object_keys.recording_prefix(job.recording)
    assert [item async for item in site.store.list(prefix)] == []
    filters = [subjects.recording_events(job.recording)]
    assert [m async for batch in site.bus.read(EVENTS.name, filters) for m in batch] == []
    assert await site.dead() == []


async def test_a_job_that_comes_after_the_erasure_is_put_away(site: Site) -> None:
    model = ScriptedEngine(traits=TRAITS)
    job = make_job()
    await bury(
        site.store, Tombstone(recording=job.recording, time=datetime.now(UTC), reason="request")
    )
    await site.submit(job, None)
    async with site.worker(model):
        await site.pending_becomes(0)
    assert model.decoded == []
    assert await site.dead() == []


async def test_a_recording_that_is_erased_while_it_is_decoded_leaves_nothing(
    site: Site, store: MemoryStore
) -> None:
    begun, go_on = threading.Event(), threading.Event()

    def script(chunk: Chunk) -> list[Spoken]:
        begun.set()
        assert go_on.wait(30)
        return say_start(chunk)

    job = await site.submit(make_job(), sample(CALL))
    other = await site.submit(make_job(2), sample(CALL))

    async def started() -> bool | None:
        return begun.is_set() or None

    async with site.worker(ScriptedEngine(traits=TRAITS, script=script)):
        await eventually(started)
        await erase(site, job)
        go_on.set()
        await site.finished(other)
    await nothing_of(site, job)
    assert store.objects[object_keys.transcript(other.recording, 1)]


class ErasedAtThePut(MemoryStore):
    """Erases the recording in the very moment in which its transcript is stored."""

    site: Site
    job: Job

    async def put_if_absent(
        self, key: str, data: bytes, *, content_type: str = "application/json"
    ) -> bool:
        if key.endswith("transcript.json") and self.job.recording in key:
            await erase(self.site, self.job)
        return await super().put_if_absent(key, data, content_type=content_type)


async def test_a_transcript_that_is_stored_too_late_is_taken_back(site: Site) -> None:
    store = ErasedAtThePut()
    site.store = store
    job, other = make_job(), make_job(2)
    store.site, store.job = site, job
    await site.submit(job, sample(CALL))
    await site.submit(other, sample(CALL))
    # One after the other: when the second is finished the first is done with.
    async with site.worker(ScriptedEngine(traits=TRAITS), in_flight=1):
        await site.finished(other)
    await nothing_of(site, job)
