"""Taking the next job: strictly by lane, and never losing one that was fetched."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from shared.bus import Bus, Delivery
from shared.topology import Consumer

LONGEST_WAIT = 5.0
"""Seconds; a pull that outlives a restart of the server is stuck for no longer than this."""


@dataclass(frozen=True)
class Claim:
    """A job in hand, and the lane's consumer that gave it."""

    delivery: Delivery
    consumer: Consumer


async def claim(
    bus: Bus,
    consumers: Sequence[Consumer],
    stopping: asyncio.Event,
    longest_wait: float = LONGEST_WAIT,
) -> Claim | None:
    """The next job of the first consumer that has one; None if none came, or when stopping.

    A job is taken from a lane only while the lanes before it are empty. Raises BusUnavailable.
    """
    for consumer in consumers:
        for delivery in await bus.fetch(consumer, 1, 0):
            return Claim(delivery, consumer)
    return await _first_to_come(bus, consumers, stopping, longest_wait)


async def _first_to_come(
    bus: Bus, consumers: Sequence[Consumer], stopping: asyncio.Event, longest_wait: float
) -> Claim | None:
    fetches = [asyncio.ensure_future(bus.fetch(c, 1, longest_wait)) for c in consumers]
    order = asyncio.ensure_future(stopping.wait())
    try:
        await asyncio.wait({*fetches, order}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        order.cancel()
        for fetch in fetches:
            fetch.cancel()
        # A fetch may have come through while it was being cancelled: its job is in our hands.
        results = await asyncio.gather(*fetches, return_exceptions=True)
    found = [
        Claim(delivery, consumer)
        for consumer, result in zip(consumers, results, strict=True)
        if isinstance(result, list)
        for delivery in result
    ]
    kept = found[:1] if not stopping.is_set() else []
    for spare in found[len(kept) :]:
        await spare.delivery.hand_back()
    if kept:
        return kept[0]
    for result in results:
        if isinstance(result, Exception):
            raise result
    return None
