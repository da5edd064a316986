"""Which job is next."""

import asyncio

import pytest

from services.transcriber.app import consumers
from services.transcriber.claim import claim
from shared.errors import BusUnavailable
from shared.memory_bus import MemoryBus
from shared.messages import Job, decode
from shared.subjects import Lane
from tests.support.transcribing import Site, make_job

LANES: list[Lane] = ["backfill", "live", "urgent", "backfill", "urgent", "live"]


async def next_lane(bus: MemoryBus) -> str | None:
    claimed = await claim(bus, consumers(30), asyncio.Event(), longest_wait=0)
    if claimed is None:
        return None
    await claimed.delivery.ack()
    return decode(claimed.delivery.message.data, Job).lane


async def test_urgent_goes_before_live_and_live_before_backfill(site: Site, bus: MemoryBus) -> None:
    for number, lane in enumerate(LANES):
        await site.submit(make_job(number, lane=lane), None)
    taken = [await next_lane(bus) for _ in range(7)]
    assert taken == ["urgent", "urgent", "live", "live", "backfill", "backfill", None]


async def test_a_job_that_comes_is_taken_at_once(site: Site, bus: MemoryBus) -> None:
    waiting = asyncio.ensure_future(claim(bus, consumers(30), asyncio.Event(), longest_wait=60))
    await asyncio.sleep(0)
    await site.submit(make_job(lane="backfill"), None)
    assert await asyncio.wait_for(waiting, 10) is not None


async def test_of_jobs_that_come_together_the_spare_ones_are_handed_back(
    site: Site, bus: MemoryBus
) -> None:
    stopping = asyncio.Event()
    waiting = asyncio.ensure_future(claim(bus, consumers(30), stopping, longest_wait=60))
    await asyncio.sleep(0)
    for number, lane in enumerate(LANES[:3]):
        await site.submit(make_job(number, lane=lane), None)
    claimed = await asyncio.wait_for(waiting, 10)
    assert claimed is not None
    await claimed.delivery.ack()
    taken = {await next_lane(bus) for _ in range(3)}
    assert taken | {decode(claimed.delivery.message.data, Job).lane} == {*LANES, None}


async def test_told_to_end_it_takes_nothing(site: Site, bus: MemoryBus) -> None:
    stopping = asyncio.Event()
    waiting = asyncio.ensure_future(claim(bus, consumers(30), stopping, longest_wait=60))
    await asyncio.sleep(0)
    stopping.set()
    assert await asyncio.wait_for(waiting, 10) is None
    await site.submit(make_job(), None)
    assert await next_lane(bus) == "live"


async def test_a_bus_that_is_away_is_told_of(bus: MemoryBus) -> None:
    bus.away = True
    with pytest.raises(BusUnavailable):
        await claim(bus, consumers(30), asyncio.Event(), longest_wait=0)
