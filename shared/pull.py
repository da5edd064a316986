"""One request for messages of a durable consumer, given up when the service is to stop."""

import asyncio

from shared.bus import Bus, Delivery
from shared.topology import Consumer


async def pull(
    bus: Bus, consumer: Consumer, count: int, patience: float, stopping: asyncio.Event
) -> list[Delivery]:
    """Up to `count` messages; none if none came within `patience` seconds, or when stopping.

    Raises BusUnavailable.
    """
    request = asyncio.ensure_future(bus.fetch(consumer, count, patience))
    order = asyncio.ensure_future(stopping.wait())
    try:
        await asyncio.wait({request, order}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        order.cancel()
        request.cancel()
        # It may have come through while it was being cancelled: the messages are in our hands.
        await asyncio.gather(request, return_exceptions=True)
    return [] if request.cancelled() else request.result()
