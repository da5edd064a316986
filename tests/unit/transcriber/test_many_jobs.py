"""A worker with many jobs in hand."""

from dataclasses import replace

from services.transcriber.chunk import Chunk, Spoken
from services.transcriber.scripted_engine import say_start
from shared.envelope import job_message
from shared.messages import Options, Segment, Started
from tests.support.scripted import CALL, engine, events, nothing_pending, start_elsewhere
from tests.support.transcribing import POLICY, Site, eventually, make_job, sample


async def test_many_recordings_share_the_model(site: Site) -> None:
    model = engine()
    jobs = [await site.submit(make_job(number), sample(CALL)) for number in range(10)]
    async with site.worker(model):
        for job in jobs:
            state = await site.finished(job)
            assert [(s.index, s.chunk) for s in state.segments] == [(0, 0), (1, 0), (2, 1), (3, 1)]
            assert (await site.transcript(job)).text == " ".join(s.text for s in state.segments)
        await eventually(lambda: nothing_pending(site))
    assert sum(model.calls) == len(model.decoded) == 20
    assert max(model.calls) > 1


async def test_poison_takes_nobody_along(site: Site) -> None:
    bad = make_job(3)

    def refuse(chunk: Chunk) -> list[Spoken]:
        if chunk.plan.options.prompt == "poison":
            raise RuntimeError("poison")
        return say_start(chunk)

    jobs = [
        await site.submit(
            make_job(number, options=Options(prompt="poison" if number == 3 else None)),
            sample("backup.ogg"),
        )
        for number in range(8)
    ]
    async with site.worker(engine(refuse)):
        states = [await site.finished(job) for job in jobs]
    for job, state in zip(jobs, states, strict=True):
        if job.recording == bad.recording:
            assert state.failed is not None
            assert len(state.starts) == POLICY.attempts
        else:
            assert state.completed is not None
            assert len(state.starts) == 1


async def test_a_job_that_may_have_killed_a_worker_runs_alone(site: Site) -> None:
    jobs = [await site.submit(make_job(number), sample("backup.ogg")) for number in range(6)]
    suspect = jobs[2]
    await start_elsewhere(site, suspect)
    async with site.worker(engine()):
        for job in jobs:
            assert (await site.finished(job)).completed
    fresh: set[str] = set()
    for event in await events(site):
        if isinstance(event, Started) and event.worker != "other":
            assert not (fresh and suspect.recording in {*fresh, event.recording})
            fresh.add(event.recording)
        elif isinstance(event, Segment):
            fresh.discard(event.recording)


async def test_two_jobs_for_one_version_do_not_fight(site: Site) -> None:
    job = await site.submit(make_job(), sample(CALL))
    again = job_message(job)
    await site.bus.publish(replace(again, message_id="another"))
    async with site.worker(engine()):
        await eventually(lambda: nothing_pending(site))
    state = await site.version(job)
    assert state.completed is not None
    assert len(state.starts) == 1
