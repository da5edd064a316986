"""Which job is next."""

import asyncio

import pytest

from services.transcriber.app import consumers
from services.transcriber.claim import Claim, Wanted, claim
from shared.errors import BusUnavailable
from shared.memory_bus import MemoryBus
from shared.messages import Job, decode
from shared.subjects import Lane
from tests.support.transcribing import Site, make_job

LANES: list[Lane] = ["backfill", "live", "urgent", "backfill", "urgent", "live"]


def wanted(most: int = 1) -> list[Wanted]:
    return [Wanted(consumer, most) for consumer in consumers(30)]


def lane_of(claimed: Claim) -> str:
    return decode(claimed.delivery.message.data, Job).lane


async def next_lane(bus: MemoryBus) -> str | None:
    for claimed in await claim(bus, wanted(), asyncio.Event(), longest_wait=0):
        await claimed.delivery.ack()
        return lane_of(claimed)
    return None


async def test_urgent_goes_before_live_and_live_before_backfill(site: Site, bus: MemoryBus) -> None:
    for number, lane in enumerate(LANES):
        await site.submit(make_job(number, lane=lane), None)
    taken = [await next_lane(bus) for _ in range(7)]
    assert taken == ["urgent", "urgent", "live", "live", "backfill", "backfill", None]


async def test_a_job_that_comes_is_taken_at_once(site: Site, bus: MemoryBus) -> None:
    waiting = asyncio.ensure_future(claim(bus, wanted(), asyncio.Event(), longest_wait=60))
    await asyncio.sleep(0)
    await site.submit(make_job(lane="backfill"), None)
    assert len(await asyncio.wait_for(waiting, 10)) == 1


async def test_of_jobs_that_come_together_the_spare_ones_are_handed_back(
    site: Site, bus: MemoryBus
) -> None:
    stopping = asyncio.Event()
    waiting = asyncio.ensure_future(claim(bus, wanted(), stopping, longest_wait=60))
    await asyncio.sleep(0)
    for number, lane in enumerate(LANES[:3]):
        await site.submit(make_job(number, lane=lane), None)
    (claimed,) = await asyncio.wait_for(waiting, 10)
    await claimed.delivery.ack()
    taken = {await next_lane(bus) for _ in range(3)}
    assert taken | {lane_of(claimed)} == {*LANES, None}


async def test_what_there_is_room_for_is_taken_at_once(site: Site, bus: MemoryBus) -> None:
    for number, lane in enumerate(LANES):
        await site.submit(make_job(number, lane=lane), None)
    room = [Wanted(w.consumer, most) for w, most in zip(wanted(), (5, 4, 1), strict=True)]
    taken = [lane_of(c) for c in await claim(bus, room, asyncio.Event(), longest_wait=0)]
    assert taken == ["urgent", "urgent", "live", "live", "backfill"]
    assert [lane_of(c) for c in await claim(bus, room, asyncio.Event(), 0)] == ["backfill"]


async def test_told_to_end_it_takes_nothing(site: Site, bus: MemoryBus) -> None:
    stopping = asyncio.Event()
    waiting = asyncio.ensure_future(claim(bus, wanted(), stopping, longest_wait=60))
    await asyncio.sleep(0)
    stopping.set()
    assert await asyncio.wait_for(waiting, 10) == []
    await site.submit(make_job(), None)
    assert await next_lane(bus) == "live"


async def test_a_bus_that_is_away_is_told_of(bus: MemoryBus) -> None:
    bus.away = True
    with pytest.raises(BusUnavailable):
        await claim(bus, wanted(), asyncio.Event(), longest_wait=0)
