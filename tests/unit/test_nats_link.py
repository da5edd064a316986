"""A connection that nobody answers, on its own."""

import asyncio

import pytest

from deploy.local.ports import free_ports
from shared.nats_link import Link
from shared.settings import NatsSettings


@pytest.mark.parametrize("turns", range(12))
async def test_it_can_be_given_up_at_any_moment(turns: int) -> None:
    # Where nobody listens each attempt fails within a few turns of the loop: in one of these the
    # cancellation meets the failure.
    [port] = free_ports(1)
    link = Link(NatsSettings(nats_url=f"nats://127.0.0.1:{port}"), "test")
    opening = asyncio.create_task(link.open())
    for _ in range(turns):
        await asyncio.sleep(0)
    opening.cancel()
    async with asyncio.timeout(20):
        await asyncio.wait([opening])
    assert opening.cancelled()
    await link.close()
