"""Jobs: fetched, kept, handed back, lost and found. A subclass gives the fixture `rig`."""

import asyncio
from contextlib import suppress
from dataclasses import replace

import pytest

from shared.bus import Message, StoredMessage
from shared.errors import StreamFull
from shared.topology import Consumer
from tests.behaviour.rig import (
    LONG,
    SLOW_WORKERS,
    SOON,
    WORKERS,
    Rig,
    fill,
    pending_becomes,
    read,
)


class JobsSuite:
    """What MemoryBus and NatsBus do alike with jobs."""

    async def test_a_job_is_fetched_and_acknowledged(self, rig: Rig) -> None:
        await rig.bus.publish(Message("t.jobs.a", b"work", {"ce-id": "9"}, "job-1"))
        await pending_becomes(rig.bus, WORKERS, 1)
        (job,) = await rig.bus.fetch(WORKERS, 1, LONG)
        assert job.message == StoredMessage("t.jobs.a", b"work", {"ce-id": "9"}, 1)
        assert job.attempt == 1
        await pending_becomes(rig.bus, WORKERS, 1)
        await job.ack()
        await pending_becomes(rig.bus, WORKERS, 0)

    async def test_a_fetch_of_many_takes_what_is_there(self, rig: Rig) -> None:
        for index in range(5):
            await rig.bus.publish(Message("t.jobs.a", str(index).encode()))
        jobs = await rig.bus.fetch(WORKERS, 3, LONG)
        more = await rig.bus.fetch(WORKERS, 10, LONG)
        assert [job.message.data for job in jobs + more] == [b"0", b"1", b"2", b"3", b"4"]

    async def test_a_fetch_of_many_does_not_wait_for_company(self, rig: Rig) -> None:
        fetching = asyncio.create_task(rig.bus.fetch(WORKERS, 10, 60))
        await asyncio.sleep(SOON)
        await rig.bus.publish(Message("t.jobs.a", b"1"))
        async with asyncio.timeout(LONG):
            assert len(await fetching) == 1

    async def test_a_fetch_without_a_job_is_empty(self, rig: Rig) -> None:
        await rig.bus.publish(Message("t.jobs.b", b"not mine"))
        assert await rig.bus.fetch(WORKERS, 1, SOON) == []
        assert await rig.bus.fetch(WORKERS, 4, SOON) == []

    async def test_two_workers_never_get_the_same_job(self, rig: Rig) -> None:
        for index in range(20):
            await rig.bus.publish(Message("t.jobs.b", str(index).encode()))
        fetches = (rig.bus.fetch(SLOW_WORKERS, 2, LONG) for _ in range(10))
        found = [job.message.data for jobs in await asyncio.gather(*fetches) for job in jobs]
        assert sorted(found, key=int) == [str(index).encode() for index in range(20)]

    async def test_a_silent_worker_loses_its_job(self, rig: Rig) -> None:
        await rig.bus.publish(Message("t.jobs.a", b"1"))
        await rig.bus.fetch(WORKERS, 1, LONG)
        (again,) = await rig.bus.fetch(WORKERS, 1, LONG)
        assert (again.message.data, again.attempt) == (b"1", 2)

    async def test_a_worker_that_says_so_keeps_its_job(self, rig: Rig) -> None:
        await rig.bus.publish(Message("t.jobs.a", b"1"))
        (job,) = await rig.bus.fetch(WORKERS, 1, LONG)
        async with job.keep_alive():
            assert await rig.bus.fetch(WORKERS, 1, 2.5 * WORKERS.ack_wait) == []
        (again,) = await rig.bus.fetch(WORKERS, 1, LONG)
        assert again.attempt == 2

    async def test_keep_alive_ends_with_an_error_too(self, rig: Rig) -> None:
        await rig.bus.publish(Message("t.jobs.a", b"1"))
        (job,) = await rig.bus.fetch(WORKERS, 1, LONG)
        before = asyncio.all_tasks()
        with pytest.raises(RuntimeError, match="decoder"):
            async with job.keep_alive():
                raise RuntimeError("decoder")
        assert asyncio.all_tasks() <= before

    async def test_a_job_handed_back_is_there_at_once(self, rig: Rig) -> None:
        await rig.bus.publish(Message("t.jobs.b", b"1"))
        (job,) = await rig.bus.fetch(SLOW_WORKERS, 1, LONG)
        await job.hand_back()
        (again,) = await rig.bus.fetch(SLOW_WORKERS, 1, LONG)
        assert again.attempt == 2

    async def test_a_job_handed_back_with_a_delay_waits(self, rig: Rig) -> None:
        await rig.bus.publish(Message("t.jobs.b", b"1"))
        (job,) = await rig.bus.fetch(SLOW_WORKERS, 1, LONG)
        await job.hand_back(delay=1.0)
        assert await rig.bus.fetch(SLOW_WORKERS, 1, SOON) == []
        assert len(await rig.bus.fetch(SLOW_WORKERS, 1, LONG)) == 1

    async def test_a_job_handed_back_often_is_never_stranded(self, rig: Rig) -> None:
        await rig.bus.publish(Message("t.jobs.b", b"1"))
        for attempt in range(1, 31):
            (job,) = await rig.bus.fetch(SLOW_WORKERS, 1, LONG)
            assert job.attempt == attempt
            await job.hand_back()
        await pending_becomes(rig.bus, SLOW_WORKERS, 1)

    async def test_a_cancelled_fetch_swallows_no_job(self, rig: Rig) -> None:
        for count in (1, 3):
            for pause in (0.0, 0.001, SOON):
                cancelled = asyncio.create_task(rig.bus.fetch(SLOW_WORKERS, count, 60))
                await asyncio.sleep(pause)
                cancelled.cancel()
                with suppress(asyncio.CancelledError):
                    await cancelled
                await rig.bus.publish(Message("t.jobs.b", b"1"))
                async with asyncio.timeout(LONG):
                    (job,) = await rig.bus.fetch(SLOW_WORKERS, 1, 60)
                await job.ack()

    async def test_a_fetch_cancelled_as_its_job_comes_swallows_no_job(self, rig: Rig) -> None:
        for turns in range(20):
            fetching = asyncio.create_task(rig.bus.fetch(SLOW_WORKERS, 1 + turns % 2, 60))
            await asyncio.sleep(0.002)
            await rig.bus.publish(Message("t.jobs.b", b"1"))
            for _ in range(turns):
                await asyncio.sleep(0)
            fetching.cancel()
            jobs = (await asyncio.gather(fetching, return_exceptions=True))[0]
            if isinstance(jobs, BaseException):
                async with asyncio.timeout(LONG):
                    jobs = await rig.bus.fetch(SLOW_WORKERS, 1, 60)
            assert len(jobs) == 1
            await jobs[0].ack()

    async def test_a_deleted_consumer_is_made_again(
        self, rig: Rig, caplog: pytest.LogCaptureFixture
    ) -> None:
        await rig.bus.publish(Message("t.jobs.b", b"1"))
        await rig.delete_consumer(SLOW_WORKERS)
        async with asyncio.timeout(LONG):
            (job,) = await rig.bus.fetch(SLOW_WORKERS, 1, 60)
        await job.ack()
        await self.check_warned(caplog, "consumer slow of TJOBS was gone")

    async def test_a_consumer_deleted_during_a_fetch_is_made_again(self, rig: Rig) -> None:
        fetching = asyncio.create_task(rig.bus.fetch(SLOW_WORKERS, 1, 60))
        await asyncio.sleep(SOON)
        await rig.delete_consumer(SLOW_WORKERS)
        await rig.bus.publish(Message("t.jobs.b", b"1"))
        async with asyncio.timeout(LONG):
            assert len(await fetching) == 1

    async def test_a_deleted_stream_is_made_again(
        self, rig: Rig, caplog: pytest.LogCaptureFixture
    ) -> None:
        await rig.delete_stream("TJOBS")
        await rig.bus.publish(Message("t.jobs.b", b"1"))
        async with asyncio.timeout(LONG):
            assert len(await rig.bus.fetch(SLOW_WORKERS, 1, 60)) == 1
        await self.check_warned(caplog, "stream TJOBS was gone")

    async def test_a_durable_consumer_of_a_log_leaves_what_it_has_done_to_others(
        self, rig: Rig
    ) -> None:
        both = Consumer("both", "TLOG", ("t.log.*.done", "t.log.*.lost"), ack_wait=30.0)
        await rig.bus.provide(both)
        await fill(rig.bus, ["1.done", "2.begun", "3.lost", "4.done"])
        for expected in ("1.done", "3.lost"):
            (delivery,) = await rig.bus.fetch(both, 1, LONG)
            assert delivery.message.subject == f"t.log.{expected}"
            await delivery.ack()
        await pending_becomes(rig.bus, both, 1)
        # Changed, it goes on where it was.
        await rig.bus.provide(replace(both, ack_wait=20.0))
        (delivery,) = await rig.bus.fetch(both, 1, LONG)
        assert delivery.message.subject == "t.log.4.done"
        assert len(await read(rig.bus)) == 4

    async def test_a_subject_s_share_that_is_full_refuses_more_and_no_other_subject(
        self, rig: Rig
    ) -> None:
        for _ in range(2):
            await rig.bus.publish(Message("t.share.a", b"1"))
        with pytest.raises(StreamFull):
            await rig.bus.publish(Message("t.share.a", b"3"))
        await rig.bus.publish(Message("t.share.b", b"1"))
        mine = Consumer("mine", "TSHARE", ("t.share.a",))
        await rig.bus.provide(mine)
        (delivery,) = await rig.bus.fetch(mine, 1, LONG)
        await delivery.ack()
        await rig.bus.publish(Message("t.share.a", b"3"))

    async def check_warned(self, caplog: pytest.LogCaptureFixture, line: str) -> None:
        """Whether one warning, and not many, told of it."""
        assert len([r for r in caplog.records if line in r.getMessage()]) == 1
