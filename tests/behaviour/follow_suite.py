"""What readers of a followed stream see, whichever the bus. A subclass gives the fixture `rig`."""

import asyncio
import random
from collections.abc import AsyncGenerator, Callable
from contextlib import AsyncExitStack, asynccontextmanager

from shared.bus import Message, StoredMessage
from shared.follow import Follow, Gap, Wanted
from tests.behaviour.rig import LONG, Rig, fill, log, read, until_ready


def everything(message: StoredMessage) -> bool:
    return bool(message.subject)


def under(prefix: str) -> Wanted:
    return lambda message: message.subject.startswith(prefix)


@asynccontextmanager
async def following(rig: Rig, **options: int) -> AsyncGenerator[Follow]:
    follow = Follow(rig.bus, "TLOG", ["t.log.>"], **options)
    task = asyncio.create_task(follow.run())
    await follow.known()
    yield follow
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


class Seen:
    """A reader at work, and what it was handed."""

    def __init__(
        self,
        follow: Follow,
        after: int | None,
        *,
        wanted: Wanted = everything,
        filters: tuple[str, ...] = ("t.log.>",),
        epoch: str | None = None,
    ) -> None:
        self.items: list[StoredMessage | Gap] = []
        self._last = 0
        self._subscription = follow.subscribe(wanted, after, filters, epoch)
        self._arrived = asyncio.Condition()

    @property
    def sequences(self) -> list[int]:
        return [item.sequence for item in self.items if isinstance(item, StoredMessage)]

    @property
    def gaps(self) -> list[str]:
        return [item.reason for item in self.items if isinstance(item, Gap)]

    async def until(self, met: Callable[[], bool]) -> None:
        async with asyncio.timeout(LONG), self._arrived:
            await self._arrived.wait_for(lambda: self._task.done() or met())
        if self._task.done():
            self._task.result()

    async def until_sequence(self, sequence: int) -> None:
        await self.until(lambda: self._last >= sequence)

    async def __aenter__(self) -> "Seen":
        self._task = asyncio.create_task(self._run())
        return self

    async def __aexit__(self, *_: object) -> None:
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self) -> None:
        try:
            async for item in self._subscription:
                self.items.append(item)
                if isinstance(item, StoredMessage):
                    self._last = item.sequence
                async with self._arrived:
                    self._arrived.notify_all()
        finally:
            async with self._arrived:
                self._arrived.notify_all()


async def until_live(follow: Follow, readers: int) -> None:
    async with asyncio.timeout(LONG):
        while follow.waiting < readers:  # noqa: ASYNC110  readers say nothing when they catch up
            await asyncio.sleep(0.005)


async def until_last(follow: Follow, sequence: int) -> None:
    async with asyncio.timeout(LONG):
        while follow.ring.last < sequence:  # noqa: ASYNC110  nor does the ring
            await asyncio.sleep(0.005)


class FollowSuite:
    """Behaviour of Follow on any bus."""

    async def test_a_reader_without_a_position_gets_what_comes(self, rig: Rig) -> None:
        await fill(rig.bus, ["a"] * 5)
        async with following(rig) as follow, Seen(follow, None) as seen:
            await until_live(follow, 1)
            await fill(rig.bus, ["b"] * 5)
            await seen.until_sequence(10)
        assert seen.sequences == [6, 7, 8, 9, 10]
        assert seen.gaps == []

    async def test_a_reader_goes_on_from_the_ring(self, rig: Rig) -> None:
        await fill(rig.bus, ["a"] * 600)
        async with following(rig) as follow:
            await until_last(follow, 600)
            async with Seen(follow, 42) as seen:
                await seen.until_sequence(600)
        assert seen.sequences == list(range(43, 601))
        assert seen.gaps == []

    async def test_a_reader_goes_on_from_the_stream_and_then_the_ring(self, rig: Rig) -> None:
        await fill(rig.bus, ["a"] * 900)
        async with following(rig, ring=50) as follow:
            await until_last(follow, 900)
            assert follow.ring.floor >= 800
            async with Seen(follow, 42) as seen:
                await seen.until_sequence(900)
                await until_live(follow, 1)
                await rig.bus.publish(log("b"))
                await seen.until_sequence(901)
        assert seen.sequences == list(range(43, 902))

    async def test_a_reader_gets_only_what_it_wants(self, rig: Rig) -> None:
        await fill(rig.bus, ["abc"[i % 3] for i in range(300)])
        wanted = under("t.log.a")
        async with (
            following(rig, ring=50) as follow,
            Seen(follow, 0, wanted=wanted, filters=("t.log.a",)) as seen,
        ):
            await until_live(follow, 1)
            await fill(rig.bus, ["abc"[i % 3] for i in range(30)])
            await rig.bus.publish(log("a"))
            await seen.until_sequence(331)
        stored = await read(rig.bus)
        assert seen.items == [m for m in stored if m.subject == "t.log.a"]

    async def test_a_filter_that_matches_nothing_gets_what_comes(self, rig: Rig) -> None:
        await fill(rig.bus, ["a"] * 300)
        async with (
            following(rig, ring=50) as follow,
            Seen(follow, 0, wanted=under("t.log.b"), filters=("t.log.b",)) as seen,
        ):
            await until_live(follow, 1)
            await rig.bus.publish(log("b"))
            await seen.until_sequence(301)
        assert seen.sequences == [301]

    async def test_many_join_while_others_publish(self, rig: Rig) -> None:
        """Every reader, wherever and whenever it joins, sees each message once and in order."""
        chance = random.Random(7)
        total = 2000
        async with following(rig, ring=100) as follow, AsyncExitStack() as all:
            publishing = asyncio.create_task(_publish(rig, total))
            readers: list[tuple[int, Seen]] = []
            for joins in range(40):
                await until_last(follow, joins * total // 40 + chance.randrange(total // 40))
                after = chance.randrange(0, follow.last + 1)
                readers.append((after, await all.enter_async_context(Seen(follow, after))))
            await publishing
            for _, seen in readers:
                await seen.until_sequence(total)
        for after, seen in readers:
            assert seen.sequences == list(range(after + 1, total + 1))
            assert seen.gaps == []

    async def test_readers_outlive_the_server_without_a_gap(self, rig: Rig) -> None:
        total = 800
        async with following(rig, ring=100) as follow, AsyncExitStack() as all:
            readers = [await all.enter_async_context(Seen(follow, 0))]
            publishing = asyncio.create_task(_publish(rig, total))
            for _ in range(3):
                await asyncio.sleep(0.1)
                await rig.stop()
                readers.append(await all.enter_async_context(Seen(follow, 0)))
                await rig.start()
                await until_ready(rig.bus)
                readers.append(await all.enter_async_context(Seen(follow, 0)))
            await publishing
            stored = await read(rig.bus)
            for seen in readers:
                await seen.until_sequence(stored[-1].sequence)
        for seen in readers:
            assert seen.items == stored

    async def test_a_stream_made_again_is_a_gap_for_all(self, rig: Rig) -> None:
        await fill(rig.bus, ["a"] * 10)
        async with following(rig) as follow, Seen(follow, 0) as one, Seen(follow, None) as two:
            await one.until_sequence(10)
            await until_live(follow, 2)
            before = follow.epoch
            await rig.delete_stream("TLOG")
            await fill(rig.bus, ["b"] * 5)
            await one.until(lambda: one.sequences[-2:] == [4, 5])
            await two.until(lambda: two.sequences[-2:] == [4, 5])
            assert follow.epoch != before
            async with Seen(follow, 3, epoch=before) as three:
                await three.until(lambda: three.items == [Gap("unknown-epoch"), *two.items[1:]])
        assert one.sequences == [*range(1, 11), *range(1, 6)]
        assert one.items[10] == Gap("stream-reset")
        assert two.items[0] == Gap("stream-reset")
        assert two.sequences == [1, 2, 3, 4, 5]

    async def test_a_position_beyond_the_end_is_a_gap(self, rig: Rig) -> None:
        await fill(rig.bus, ["a"] * 3)
        async with following(rig) as follow, Seen(follow, 99) as seen:
            await seen.until(lambda: bool(seen.gaps))
            await until_live(follow, 1)
            await rig.bus.publish(log("b"))
            await seen.until_sequence(4)
        assert seen.items[0] == Gap("beyond-the-end")
        assert seen.sequences == [4]

    async def test_the_end_itself_is_no_gap(self, rig: Rig) -> None:
        await fill(rig.bus, ["a"] * 3)
        async with following(rig) as follow, Seen(follow, 3) as seen:
            await until_live(follow, 1)
            await rig.bus.publish(log("b"))
            await seen.until_sequence(4)
        assert seen.items == (await read(rig.bus))[3:]

    async def test_what_has_aged_out_is_a_gap(self, rig: Rig) -> None:
        await self.overflow(rig)
        first = (await rig.bus.state("TTAIL")).first
        assert first > 2
        follow = Follow(rig.bus, "TTAIL", ["t.tail"], ring=1)
        task = asyncio.create_task(follow.run())
        await follow.known()
        async with (
            Seen(follow, 1, filters=("t.tail",)) as late,
            Seen(follow, 0, filters=("t.tail",)) as anew,
        ):
            await late.until_sequence(40)
            await anew.until_sequence(40)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        assert late.items[0] == Gap("aged-out")
        assert anew.gaps == []
        assert late.sequences == anew.sequences == list(range(first, 41))

    async def overflow(self, rig: Rig) -> None:
        for _ in range(40):
            await rig.bus.publish(Message("t.tail", bytes(200)))

    async def test_a_slow_reader_holds_up_nobody_and_misses_nothing(self, rig: Rig) -> None:
        """The ring has long gone on when it reads again."""
        async with following(rig, ring=20) as follow, Seen(follow, None) as quick:
            slow = follow.subscribe(everything, None, ("t.log.>",))
            taking = asyncio.create_task(anext(slow))
            await until_live(follow, 2)
            await rig.bus.publish(log("a"))
            seen = [await taking]
            for _ in range(10):
                await fill(rig.bus, ["a"] * 20)
                await quick.until_sequence((await rig.bus.state("TLOG")).last)
            assert follow.ring.floor > 100
            async with asyncio.timeout(LONG):
                while len(seen) < 201:
                    seen.append(await anext(slow))
            await slow.aclose()
        assert quick.items == seen
        assert quick.sequences == list(range(1, 202))

    async def test_a_reader_that_leaves_is_forgotten(self, rig: Rig) -> None:
        async with following(rig) as follow:
            for _ in range(3):
                async with Seen(follow, None):
                    await until_live(follow, 1)
            async with asyncio.timeout(LONG):
                while follow.waiting:  # noqa: ASYNC110  generators say nothing when they end
                    await asyncio.sleep(0.005)


async def _publish(rig: Rig, total: int) -> None:
    """Publish one after another until the stream holds `total`, whatever becomes of the server."""
    sent = 0
    while (await _last(rig)) < total:
        burst = min(20, total - await _last(rig))
        messages = [log("a", str(sent + n).encode()) for n in range(burst)]
        results = await asyncio.gather(
            *(rig.bus.publish(m) for m in messages), return_exceptions=True
        )
        sent += len(results)


async def _last(rig: Rig) -> int:
    while True:
        try:
            return (await rig.bus.state("TLOG")).last
        except Exception:  # noqa: BLE001  the server is away on purpose
            await asyncio.sleep(0.02)
