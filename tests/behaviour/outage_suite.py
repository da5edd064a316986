"""Following, a server that goes and comes, and who is there. A subclass gives `rig`."""

import asyncio

import pytest

from shared.bus import Fence, Message, StreamReset
from shared.errors import (
    BusUnavailable,
)
from tests.behaviour.rig import (
    LONG,
    SLOW_WORKERS,
    SOON,
    WORKERS,
    Followed,
    Rig,
    fill,
    log,
    read,
    until_ready,
)


class OutageSuite:
    """What MemoryBus and NatsBus do alike as time goes on."""

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

    async def test_who_announces_is_discovered(self, rig: Rig) -> None:
        assert await rig.bus.discover("transcriber", wait=SOON) == []
        await rig.bus.announce("transcriber", {"model": "demo"})
        await rig.bus.announce("other", {"model": "none"})
        assert await rig.bus.discover("transcriber") == [{"model": "demo"}]
        await rig.bus.announce("transcriber", {"model": "medium.en"})
        assert await rig.bus.discover("transcriber") == [{"model": "medium.en"}]
