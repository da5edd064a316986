"""Storing, reading, fences, batches and topology. A subclass gives the fixture `rig`."""

import asyncio
from dataclasses import replace

import pytest

from shared.bus import Fence, Message, StoredMessage
from shared.errors import (
    BusUnavailable,
    CannotSucceed,
    DuplicateMessage,
    FenceLost,
    SettingError,
)
from shared.topology import Consumer, Stream, Topology
from tests.behaviour.rig import (
    JOBS,
    LOG,
    LONG,
    TOPOLOGY,
    Rig,
    fill,
    log,
    read,
)


class BusSuite:
    """What MemoryBus and NatsBus do alike with what is stored."""

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
        consumer = Consumer("tiny", "TTINY", ("t.tiny",))
        sends = [rig.bus.publish(Message("t.tiny", bytes(300))) for _ in range(10)]
        results = await asyncio.gather(*sends, return_exceptions=True)
        refusals = [r for r in results if isinstance(r, BusUnavailable)]
        assert 3 <= len(refusals) < 10
        assert "full" in str(refusals[0])
        (job,) = await rig.bus.fetch(consumer, 1, LONG)
        await job.ack()
        await rig.bus.publish(Message("t.tiny", bytes(300)))

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

    async def test_ensure_twice_changes_nothing(self, rig: Rig) -> None:
        await rig.bus.publish(log("a"))
        before = await rig.bus.state("TLOG")
        await rig.bus.ensure(TOPOLOGY)
        assert await rig.bus.state("TLOG") == before

    async def test_ensure_updates_what_may_change(self, rig: Rig) -> None:
        small = Stream("TLOG", ("t.log.>", "t.more"), "limits", 600, 1024**2, "new")
        quick = Consumer("workers", "TJOBS", ("t.jobs.a",), ack_wait=0.5)
        await rig.bus.publish(log("a"))
        await rig.bus.ensure(Topology((JOBS, small), (quick,)))
        await rig.bus.publish(Message("t.more", b"{}"))
        assert (await rig.bus.state("TLOG")).last == 2
        with pytest.raises(BusUnavailable):
            await rig.bus.publish_batch([log("a"), log("b")], Fence("t.log.>", 2))

    async def test_a_message_beyond_the_streams_limit_is_not_stored(self, rig: Rig) -> None:
        small = replace(LOG, max_message=1000)
        await rig.bus.ensure(Topology((small,), ()))
        await rig.bus.publish(log("a", b"x" * 900))
        with pytest.raises(BusUnavailable):
            await rig.bus.publish(log("b", b"x" * 1001))
        assert (await rig.bus.state("TLOG")).last == 1

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
