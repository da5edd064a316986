"""What signs sessions and tokens: only what a stream service made counts."""

import asyncio
from pathlib import Path

import pytest

from shared.key_keeper import SIGNING, KeyKeeper
from shared.key_ring import KeyRing
from shared.key_set import KeySet
from shared.key_value import KeyValue
from shared.memory_bus import MemoryBus
from shared.topology import KEYS, topology
from tests.support.ingest import until
from tests.support.nats_buses import until as until_met

_ANSWER = b'{"stream":"SUBMIT", "seq":12345}'


@pytest.mark.parametrize("foreign", [_ANSWER, b'{"type":"an answer of NATS", "more":[]}', b""])
async def test_an_answer_that_nats_was_told_to_put_there_signs_nothing(
    tmp_path: Path, foreign: bytes
) -> None:
    """Whoever may ask NATS anything names the subject of the answer, and knows what it says."""
    bus = MemoryBus()
    await bus.ensure(topology())
    bucket, ring = KeyValue(bus, KEYS), KeyRing(KeySet())
    keeper = KeyKeeper(ring, bus, tmp_path / "keys.json", makes_secret=True)
    running = asyncio.create_task(keeper.run())
    try:
        await until(lambda: bool(ring.keys.secret))
        made = ring.keys.secret
        revision = await bucket.put(SIGNING, foreign)

        async def mended() -> bool:
            assert ring.keys.secret == made
            found = await bucket.get(SIGNING)
            return found is not None and found.revision > revision and found.data == made

        await until_met(mended)
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def test_who_makes_none_keeps_what_is_known(tmp_path: Path) -> None:
    bus = MemoryBus()
    await bus.ensure(topology())
    bucket, ring = KeyValue(bus, KEYS), KeyRing(KeySet())
    await bucket.put(SIGNING, _ANSWER)
    keeper = KeyKeeper(ring, bus, tmp_path / "keys.json")
    running = asyncio.create_task(keeper.run())
    try:
        assert await keeper.known(10)
        assert ring.keys.secret == b""
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
