"""Taking the next jobs: strictly by lane, and never losing one that was fetched."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from shared.bus import Bus, Delivery
from shared.errors import BusUnavailable
from shared.topology import Consumer

LONGEST_WAIT = 5.0
"""Seconds; a pull that outlives a restart of the server is stuck for no longer than this."""


@dataclass(frozen=True)
class Claim:
    """A job in hand, and the lane's consumer that gave it."""

    delivery: Delivery
    consumer: Consumer


@dataclass(frozen=True)
class Wanted:
    """Jobs that there is room for."""

    consumer: Consumer
    most: int


async def claim(
    bus: Bus,
    wanted: Sequence[Wanted],
    enough: asyncio.Event,
    longest_wait: float = LONGEST_WAIT,
) -> list[Claim]:
    """The next jobs, in the order of what is wanted; none if none came, or if that is `enough`.

    Together they are no more than the largest `most`. A job is taken from a lane only while the
    lanes before it are empty. Raises BusUnavailable.
    """
    room = max((each.most for each in wanted), default=0)
    found: list[Claim] = []
    for each in wanted:
        most = min(each.most, room - len(found))
        if most > 0:
            jobs = await _waiting(bus, each.consumer, most, found)
            found += [Claim(delivery, each.consumer) for delivery in jobs]
    return found or await _first_to_come(bus, wanted, room, enough, longest_wait)


async def _waiting(
    bus: Bus, consumer: Consumer, most: int, found: Sequence[Claim]
) -> Sequence[Delivery]:
    """Jobs that are there already."""
    try:
        return await bus.fetch(consumer, most, 0)
    except BusUnavailable:
        if not found:
            raise
        return ()  # those that were found are to be worked on


async def _first_to_come(
    bus: Bus,
    wanted: Sequence[Wanted],
    room: int,
    enough: asyncio.Event,
    longest_wait: float,
) -> list[Claim]:
    fetches = [asyncio.ensure_future(bus.fetch(w.consumer, 1, longest_wait)) for w in wanted]
    order = asyncio.ensure_future(enough.wait())
    try:
        await asyncio.wait({*fetches, order}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        order.cancel()
        for fetch in fetches:
            fetch.cancel()
        # A fetch may have come through while it was being cancelled: its job is in our hands.
        results = await asyncio.gather(*fetches, return_exceptions=True)
    found = [
        Claim(delivery, each.consumer)
        for each, result in zip(wanted, results, strict=True)
        if isinstance(result, list)
        for delivery in result
    ]
    for spare in found[room:]:
        await spare.delivery.hand_back()
    if not found:
        for result in results:
            if isinstance(result, Exception):
                raise result
    return found[:room]
