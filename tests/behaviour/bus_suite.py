"""What a bus does, whichever it is. A subclass gives the fixture `rig`."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from typing import Protocol

import pytest

from shared.bus import Bus, Fence, Message, StoredMessage, StreamReset
from shared.errors import (
    BusUnavailable,
    CannotSucceed,
    DuplicateMessage,
    FenceLost,
    SettingError,
)
from shared.topology import Consumer, Stream, Topology

JOBS = Stream("TJOBS", ("t.jobs.a", "t.jobs.b"), "workqueue", 0, 1024**2, "new")
LOG = Stream("TLOG", ("t.log.>",), "limits", 3600, 64 * 1024**2, "old", allow_atomic=True)
TINY = Stream("TTINY", ("t.tiny",), "workqueue", 0, 2000, "new")
TAIL = Stream("TTAIL", ("t.tail",), "limits", 0, 6000, "old")
WORKERS = Consumer("workers", "TJOBS", "t.jobs.a", ack_wait=1.0)
SLOW_WORKERS = Consumer("slow", "TJOBS", "t.jobs.b", ack_wait=30.0)
TOPOLOGY = Topology((JOBS, LOG, TINY, TAIL), (WORKERS, SLOW_WORKERS))
SOON = 0.05
"""Seconds to wait for something that must not happen."""
LONG = 10.0
"""Seconds after which what must happen counts as missing."""


class Rig(Protocol):
    """A bus, and the hand that harms it."""

    bus: Bus

    async def delete_stream(self, name: str) -> None:
        """Delete a stream behind the bus's back."""
        ...

    async def delete_consumer(self, consumer: Consumer) -> None:
        """Delete a consumer behind the bus's back."""
        ...

    async def stop(self) -> None:
        """Take the server away."""
        ...

    async def start(self) -> None:
        """Bring it back."""
        ...


def log(name: str, data: bytes = b"{}", **more: str) -> Message:
    return Message(f"t.log.{name}", data, headers=more)


async def read(bus: Bus, *filters: str, start: int = 1) -> list[StoredMessage]:
    return [m async for batch in bus.read("TLOG", filters or ("t.log.>",), start) for m in batch]


async def fill(bus: Bus, names: Sequence[str]) -> None:
    async with asyncio.TaskGroup() as group:
        for name in names:
            group.create_task(bus.publish(log(name)))


class BusSuite:
    """Behaviour that MemoryBus and NatsBus share."""

    # --- publish, read, last ---

    async def test_a_message_is_read_as_it_was_published(self, rig: Rig) -> None:
        sent = Message("t.log.a", b'{"x": 1}', {"ce-id": "7", "Colour": "gr%C3%BCn"}, "id-1")
        published = await rig.bus.publish(sent)
        (stored,) = await read(rig.bus)
        assert (published.sequence, published.duplicate) == (1, False)
        assert stored == StoredMessage(sent.subject, sent.data, sent.headers, 1)
        assert await rig.bus.last("TLOG", "t.log.*") == stored

    async def test_an_empty_message_is_kept(self, rig: Rig) -> None:
        await rig.bus.publish(Message("t.log.a", b""))
        assert await read(rig.bus) == [StoredMessage("t.log.a", b"", {}, 1)]
        assert await rig.bus.last("TLOG", "t.log.a") == StoredMessage("t.log.a", b"", {}, 1)

    async def test_a_known_message_id_stores_nothing(self, rig: Rig) -> None:
        first = await rig.bus.publish(Message("t.log.a", b"1", message_id="same"))
        again = await rig.bus.publish(Message("t.log.a", b"2", message_id="same"))
        assert (again.sequence, again.duplicate) == (first.sequence, True)
        assert [m.data for m in await read(rig.bus)] == [b"1"]

    async def test_read_goes_through_more_than_one_page(self, rig: Rig) -> None:
        await fill(rig.bus, [f"n{i % 3}" for i in range(700)])
        found = await read(rig.bus)
        assert [m.sequence for m in found] == list(range(1, 701))

    async def test_read_merges_overlapping_filters_in_order(self, rig: Rig) -> None:
        await fill(rig.bus, [f"{'abc'[i % 3]}.{i}" for i in range(600)])
        found = await read(rig.bus, "t.log.a.*", "t.log.c.>", "t.log.*.599", start=11)
        sequences = [m.sequence for m in found]
        assert sequences == sorted(set(sequences))
        everything = await read(rig.bus)
        assert found == [m for m in everything if m.subject[6] != "b" and m.sequence >= 11]

    async def test_read_of_nothing(self, rig: Rig) -> None:
        assert await read(rig.bus) == []
        await fill(rig.bus, ["a"])
        assert await read(rig.bus, "t.log.other") == []
        assert await read(rig.bus, start=2) == []

    async def test_last_of_nothing_is_none(self, rig: Rig) -> None:
        await fill(rig.bus, ["a"])
        assert await rig.bus.last("TLOG", "t.log.b.>") is None

    async def test_last_is_the_last_that_the_filter_matches(self, rig: Rig) -> None:
        for name in ("a.x", "a.y", "b.x"):
            await rig.bus.publish(log(name))
        found = await rig.bus.last("TLOG", "t.log.a.>")
        assert found is not None
        assert found.subject == "t.log.a.y"

    async def test_a_subject_that_no_stream_takes_is_refused(self, rig: Rig) -> None:
        with pytest.raises(BusUnavailable, match=r"t\.jobs\.other"):
            await rig.bus.publish(Message("t.jobs.other", b"{}"))

    async def test_a_message_over_the_server_s_limit_can_never_succeed(self, rig: Rig) -> None:
        with pytest.raises(CannotSucceed):
            await rig.bus.publish(log("a", bytes(2 * 1024**2)))
        assert await read(rig.bus) == []

    async def test_a_full_stream_refuses_until_there_is_room(self, rig: Rig) -> None:
        consumer = Consumer("tiny", "TTINY", "t.tiny")
        sends = [rig.bus.publish(Message("t.tiny", bytes(300))) for _ in range(10)]
        results = await asyncio.gather(*sends, return_exceptions=True)
        refusals = [r for r in results if isinstance(r, BusUnavailable)]
        assert 3 <= len(refusals) < 10
        assert "full" in str(refusals[0])
        (job,) = await rig.bus.fetch(consumer, 1, LONG)
        await job.ack()
        await rig.bus.publish(Message("t.tiny", bytes(300)))

    # --- fence ---

    async def test_a_fence_that_holds_lets_the_message_in(self, rig: Rig) -> None:
        first = await rig.bus.publish(log("v.queued"), Fence("t.log.v.>", 0))
        await rig.bus.publish(log("other"))
        second = await rig.bus.publish(log("v.started"), Fence("t.log.v.>", first.sequence))
        assert second.sequence == 3

    async def test_a_stale_fence_is_refused_whatever_the_subject(self, rig: Rig) -> None:
        await rig.bus.publish(log("v.queued"))
        with pytest.raises(FenceLost):
            await rig.bus.publish(log("v.completed"), Fence("t.log.v.>", 0))
        assert len(await read(rig.bus)) == 1

    async def test_the_same_message_again_loses_its_own_fence(self, rig: Rig) -> None:
        message = Message("t.log.v.queued", b"{}", message_id="one")
        await rig.bus.publish(message, Fence("t.log.v.>", 0))
        with pytest.raises(FenceLost):
            await rig.bus.publish(message, Fence("t.log.v.>", 0))

    async def test_only_one_of_many_writers_gets_through(self, rig: Rig) -> None:
        results = await asyncio.gather(
            *(rig.bus.publish(log("v.started"), Fence("t.log.v.>", 0)) for _ in range(20)),
            return_exceptions=True,
        )
        assert len([r for r in results if isinstance(r, FenceLost)]) == 19
        assert len(await read(rig.bus)) == 1

    # --- batch ---

    async def test_a_batch_is_stored_as_a_whole(self, rig: Rig) -> None:
        first = await rig.bus.publish(log("v.started"))
        batch = [log(f"v.segment{i}", str(i).encode(), part=str(i)) for i in range(5)]
        last = await rig.bus.publish_batch(batch, Fence("t.log.v.>", first.sequence))
        stored = await read(rig.bus)
        assert last == 6
        assert [(m.data, m.headers) for m in stored[1:]] == [(m.data, m.headers) for m in batch]

    async def test_a_batch_of_one(self, rig: Rig) -> None:
        assert await rig.bus.publish_batch([log("v.a")], Fence("t.log.v.>", 0)) == 1
        with pytest.raises(FenceLost):
            await rig.bus.publish_batch([log("v.a")], Fence("t.log.v.>", 0))
        known = Message("t.log.v.b", b"", message_id="known")
        assert await rig.bus.publish_batch([known], Fence("t.log.v.>", 1)) == 2
        with pytest.raises(DuplicateMessage):
            await rig.bus.publish_batch([known], Fence("t.log.v.>", 2))

    async def test_an_empty_batch_is_a_mistake(self, rig: Rig) -> None:
        with pytest.raises(ValueError, match="batch"):
            await rig.bus.publish_batch([], Fence("t.log.v.>", 0))

    async def test_a_stale_fence_refuses_the_whole_batch(self, rig: Rig) -> None:
        await rig.bus.publish(log("v.started"))
        with pytest.raises(FenceLost):
            await rig.bus.publish_batch([log("v.a"), log("v.b")], Fence("t.log.v.>", 0))
        assert len(await read(rig.bus)) == 1

    async def test_a_known_message_id_refuses_the_whole_batch(self, rig: Rig) -> None:
        known = Message("t.log.v.a", b"{}", message_id="known")
        first = await rig.bus.publish(known)
        fence = Fence("t.log.v.>", first.sequence)
        with pytest.raises(DuplicateMessage):
            await rig.bus.publish_batch([log("v.b"), known, log("v.c")], fence)
        assert len(await read(rig.bus)) == 1
        await rig.bus.publish_batch([log("v.b"), log("v.c")], fence)

    # --- jobs ---

    async def test_a_job_is_fetched_and_acknowledged(self, rig: Rig) -> None:
        await rig.bus.publish(Message("t.jobs.a", b"work", {"ce-id": "9"}, "job-1"))
        assert await rig.bus.pending(WORKERS) == 1
        (job,) = await rig.bus.fetch(WORKERS, 1, LONG)
        assert job.message == StoredMessage("t.jobs.a", b"work", {"ce-id": "9"}, 1)
        assert job.attempt == 1
        assert await rig.bus.pending(WORKERS) == 1
        await job.ack()
        assert await rig.bus.pending(WORKERS) == 0

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
        assert await rig.bus.pending(SLOW_WORKERS) == 1

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

    async def check_warned(self, caplog: pytest.LogCaptureFixture, line: str) -> None:
        """Whether one warning, and not many, told of it."""
        assert len([r for r in caplog.records if line in r.getMessage()]) == 1

    # --- topology ---

    async def test_ensure_twice_changes_nothing(self, rig: Rig) -> None:
        await rig.bus.publish(log("a"))
        before = await rig.bus.state("TLOG")
        await rig.bus.ensure(TOPOLOGY)
        assert await rig.bus.state("TLOG") == before

    async def test_ensure_updates_what_may_change(self, rig: Rig) -> None:
        small = Stream("TLOG", ("t.log.>", "t.more"), "limits", 600, 1024**2, "new")
        quick = Consumer("workers", "TJOBS", "t.jobs.a", ack_wait=0.5)
        await rig.bus.publish(log("a"))
        await rig.bus.ensure(Topology((JOBS, small), (quick,)))
        await rig.bus.publish(Message("t.more", b"{}"))
        assert (await rig.bus.state("TLOG")).last == 2
        with pytest.raises(BusUnavailable):
            await rig.bus.publish_batch([log("a"), log("b")], Fence("t.log.>", 2))

    async def test_ensure_refuses_what_cannot_change(self, rig: Rig) -> None:
        changed = Stream("TJOBS", ("t.jobs.a", "t.jobs.b"), "limits", 0, 1024**2, "new")
        with pytest.raises(SettingError, match="retention"):
            await rig.bus.ensure(Topology((changed,), ()))

    async def test_many_may_ensure_at_once(self, rig: Rig) -> None:
        await rig.delete_stream("TLOG")
        await asyncio.gather(*(rig.bus.ensure(TOPOLOGY) for _ in range(5)))
        assert (await rig.bus.state("TLOG")).last == 0

    async def test_state_tells_the_ends_and_the_epoch(self, rig: Rig) -> None:
        empty = await rig.bus.state("TLOG")
        assert empty.last == 0
        await fill(rig.bus, ["a", "b"])
        full = await rig.bus.state("TLOG")
        assert (full.first, full.last, full.epoch) == (1, 2, empty.epoch)
        await rig.delete_stream("TLOG")
        await rig.bus.ensure(TOPOLOGY)
        again = await rig.bus.state("TLOG")
        assert again.last == 0
        assert again.epoch != empty.epoch

    # --- follow ---

    async def test_follow_gives_what_is_there_and_what_comes(self, rig: Rig) -> None:
        await fill(rig.bus, ["a"] * 10)
        async with Followed(rig.bus, start=4) as followed:
            await followed.until(10)
            await fill(rig.bus, ["b"] * 10)
            await followed.until(20)
        assert followed.sequences == list(range(4, 21))

    async def test_follow_keeps_to_its_filters(self, rig: Rig) -> None:
        await fill(rig.bus, ["a.x", "b.x", "c.x"] * 5 + ["a.end"])
        async with Followed(rig.bus, start=1, subjects=["t.log.a.>", "t.log.c.*"]) as followed:
            await followed.until(16)
        everything = await read(rig.bus)
        assert followed.messages == [m for m in everything if m.subject[6] != "b"]

    async def test_follow_hands_over_what_has_come_in_batches(self, rig: Rig) -> None:
        await fill(rig.bus, ["a"] * 3000)
        async with Followed(rig.bus, start=1) as followed:
            await followed.until(3000)
        assert followed.sequences == list(range(1, 3001))
        assert followed.batches < 1500

    async def test_follow_is_contiguous_while_others_publish(self, rig: Rig) -> None:
        async with Followed(rig.bus, start=1) as followed:
            for _ in range(10):
                await fill(rig.bus, ["a"] * 200)
            await followed.until(2000)
        assert followed.sequences == list(range(1, 2001))

    async def test_follow_ends_when_the_stream_is_made_again(self, rig: Rig) -> None:
        await fill(rig.bus, ["a"] * 3)
        followed = Followed(rig.bus, start=1)
        async with followed:
            await followed.until(3)
            await rig.delete_stream("TLOG")
            await rig.bus.publish(log("new"))
            with pytest.raises(StreamReset):
                await followed.until(4)

    async def test_follow_checks_the_epoch_from_the_beginning(self, rig: Rig) -> None:
        async with Followed(rig.bus, start=1, epoch="another") as followed:
            with pytest.raises(StreamReset):
                await followed.until(1)

    # --- a server that goes and comes ---

    async def test_calls_fail_while_the_server_is_away_and_work_again(self, rig: Rig) -> None:
        await rig.bus.publish(log("before"))
        await rig.stop()
        assert not await rig.bus.ready()
        with pytest.raises(BusUnavailable):
            await rig.bus.publish(log("during"))
        with pytest.raises(BusUnavailable):
            await rig.bus.publish_batch([log("x"), log("y")], Fence("t.log.>", 1))
        with pytest.raises(BusUnavailable):
            await rig.bus.last("TLOG", "t.log.>")
        with pytest.raises(BusUnavailable):
            await read(rig.bus)
        with pytest.raises(BusUnavailable):
            await rig.bus.state("TLOG")
        with pytest.raises(BusUnavailable):
            await rig.bus.pending(WORKERS)
        with pytest.raises(BusUnavailable):
            await rig.bus.discover("nobody")
        with pytest.raises(BusUnavailable):
            await rig.bus.fetch(WORKERS, 1, SOON)
        await rig.start()
        await until_ready(rig.bus)
        await rig.bus.publish(log("after"))
        assert [m.subject for m in await read(rig.bus)] == ["t.log.before", "t.log.after"]

    async def test_a_fetch_outlives_the_server(self, rig: Rig) -> None:
        fetching = asyncio.create_task(rig.bus.fetch(SLOW_WORKERS, 1, 60))
        await asyncio.sleep(SOON)
        await rig.stop()
        await rig.start()
        await until_ready(rig.bus)
        await rig.bus.publish(Message("t.jobs.b", b"1"))
        async with asyncio.timeout(LONG):
            assert len(await fetching) == 1

    async def test_follow_outlives_the_server_without_loss(self, rig: Rig) -> None:
        async with Followed(rig.bus, start=1) as followed:
            for turn in range(3):
                await fill(rig.bus, ["a"] * 100)
                await rig.stop()
                await rig.start()
                await until_ready(rig.bus)
                await fill(rig.bus, ["b"] * 100)
                await followed.until(200 * (turn + 1))
        assert followed.sequences == list(range(1, 601))

    # --- who is there ---

    async def test_who_announces_is_discovered(self, rig: Rig) -> None:
        assert await rig.bus.discover("transcriber", wait=SOON) == []
        await rig.bus.announce("transcriber", {"model": "demo"})
        await rig.bus.announce("other", {"model": "none"})
        assert await rig.bus.discover("transcriber") == [{"model": "demo"}]
        await rig.bus.announce("transcriber", {"model": "medium.en"})
        assert await rig.bus.discover("transcriber") == [{"model": "medium.en"}]


class Followed:
    """A follower at work, and what it has seen."""

    def __init__(
        self, bus: Bus, start: int, subjects: Sequence[str] = ("t.log.>",), epoch: str | None = None
    ) -> None:
        self.messages: list[StoredMessage] = []
        self.batches = 0
        self._arrived = asyncio.Condition()
        self._follower = bus.follow("TLOG", subjects, start, epoch)

    @property
    def sequences(self) -> list[int]:
        return [m.sequence for m in self.messages]

    async def until(self, sequence: int) -> None:
        async with asyncio.timeout(LONG), self._arrived:
            await self._arrived.wait_for(
                lambda: self._task.done() or (self.messages and self.sequences[-1] >= sequence)
            )
        if self._task.done():
            self._task.result()

    async def __aenter__(self) -> "Followed":
        self._task = asyncio.create_task(self._run())
        return self

    async def __aexit__(self, *_: object) -> None:
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self) -> None:
        try:
            async for batch in self._follower:
                self.batches += 1
                self.messages += batch
                async with self._arrived:
                    self._arrived.notify_all()
        finally:
            async with self._arrived:
                self._arrived.notify_all()


async def until_ready(bus: Bus) -> None:
    async with asyncio.timeout(LONG):
        while not await bus.ready():  # noqa: ASYNC110  a server has no event to wait for
            await asyncio.sleep(0.01)
