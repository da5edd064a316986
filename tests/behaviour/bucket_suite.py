"""What a key-value bucket does. A subclass gives the fixture `rig`."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing

import pytest

from shared.errors import BusUnavailable, FenceLost
from shared.key_value import Entries, KeyValue, Value
from tests.behaviour.rig import BUCKET, LONG, Rig, until_ready


class BucketSuite:
    """Behaviour that buckets on MemoryBus and NatsBus share."""

    async def test_what_was_put_is_got(self, rig: Rig) -> None:
        bucket = KeyValue(rig.bus, BUCKET)
        assert await bucket.get("a.b") is None
        revision = await bucket.put("a.b", b"one")
        assert await bucket.get("a.b") == Value(b"one", revision)
        later = await bucket.put("a.b", b"")
        assert later > revision
        assert await bucket.get("a.b") == Value(b"", later)
        assert await bucket.get("a") is None

    async def test_a_key_keeps_its_last_value_alone(self, rig: Rig) -> None:
        bucket = KeyValue(rig.bus, BUCKET)
        for n in range(5):
            await bucket.put("a", str(n).encode())
            await bucket.put("b", str(n).encode())
        held = [m async for batch in rig.bus.read(BUCKET.name, [">"]) for m in batch]
        assert [m.data for m in held] == [b"4", b"4"]

    async def test_what_was_deleted_is_gone_and_can_be_put_again(self, rig: Rig) -> None:
        bucket = KeyValue(rig.bus, BUCKET)
        await bucket.put("a", b"one")
        await bucket.delete("a")
        assert await bucket.get("a") is None
        revision = await bucket.put("a", b"two", expected=0)
        assert await bucket.get("a") == Value(b"two", revision)

    async def test_only_who_knows_the_revision_replaces_it(self, rig: Rig) -> None:
        bucket = KeyValue(rig.bus, BUCKET)
        first = await bucket.put("a", b"one", expected=0)
        for wrong in (0, first + 1):
            with pytest.raises(FenceLost):
                await bucket.put("a", b"stale", expected=wrong)
        await bucket.put("other", b"x")
        second = await bucket.put("a", b"two", expected=first)
        with pytest.raises(FenceLost):
            await bucket.delete("a", expected=first)
        await bucket.delete("a", expected=second)
        assert await bucket.get("a") is None

    async def test_of_many_who_come_first_one_does(self, rig: Rig) -> None:
        bucket = KeyValue(rig.bus, BUCKET)
        tries = [bucket.put("a", str(n).encode(), expected=0) for n in range(8)]
        done = await asyncio.gather(*tries, return_exceptions=True)
        assert sorted(isinstance(each, FenceLost) for each in done) == [False] + [True] * 7

    @pytest.mark.parametrize("key", ["", ".", "a.", ".a", "a b", "a.*", ">", "a/b", "x" * 65])
    async def test_what_is_no_key_is_refused(self, rig: Rig, key: str) -> None:
        with pytest.raises(ValueError, match="not a key"):
            await KeyValue(rig.bus, BUCKET).put(key, b"")

    async def test_a_watcher_sees_what_is_there_and_every_change(self, rig: Rig) -> None:
        bucket = KeyValue(rig.bus, BUCKET)
        await bucket.put("a", b"1")
        await bucket.put("b", b"1")
        await bucket.delete("b")
        async with aclosing(bucket.watch()) as seen:
            assert await _next(seen) == {"a": b"1"}
            await bucket.put("a", b"2")
            await until(seen, {"a": b"2"})
            await bucket.put("c", b"3")
            await until(seen, {"a": b"2", "c": b"3"})
            await bucket.delete("a")
            await until(seen, {"c": b"3"})

    async def test_a_watcher_of_an_empty_bucket_is_told_so(self, rig: Rig) -> None:
        bucket = KeyValue(rig.bus, BUCKET)
        async with aclosing(bucket.watch()) as seen:
            assert await _next(seen) == {}
            await bucket.put("a", b"1")
            await until(seen, {"a": b"1"})

    async def test_a_watcher_outlives_the_server_and_misses_nothing(self, rig: Rig) -> None:
        bucket = KeyValue(rig.bus, BUCKET)
        await bucket.put("a", b"1")
        async with aclosing(bucket.watch()) as seen:
            assert await _next(seen) == {"a": b"1"}
            await rig.stop()
            with pytest.raises(BusUnavailable):
                await bucket.put("a", b"2")
            waiting = asyncio.create_task(until(seen, {"a": b"3"}))
            await rig.start()
            await until_ready(rig.bus)
            await bucket.put("a", b"3")
            await waiting

    async def test_a_bucket_that_was_made_again_is_seen_as_it_is(self, rig: Rig) -> None:
        bucket = KeyValue(rig.bus, BUCKET)
        await bucket.put("a", b"1")
        async with aclosing(bucket.watch()) as seen:
            assert await _next(seen) == {"a": b"1"}
            await rig.delete_stream(BUCKET.name)
            await bucket.put("b", b"2")
            await until(seen, {"b": b"2"})


async def _next(seen: AsyncGenerator[Entries]) -> dict[str, bytes]:
    async with asyncio.timeout(LONG):
        return {key: value.data for key, value in (await anext(seen)).items()}


async def until(seen: AsyncGenerator[Entries], wanted: dict[str, bytes]) -> None:
    """Wait until a watcher sees this."""
    while await _next(seen) != wanted:
        pass
