"""A NatsBus on a test's own server, and a hand behind its back."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager

from nats.aio.client import Client
from nats.js import JetStreamManager

from shared.nats_bus import NatsBus, connect
from shared.settings import NatsSettings
from tests.behaviour.rig import LONG


@asynccontextmanager
async def opened(settings: NatsSettings) -> AsyncGenerator[NatsBus]:
    """A bus that is closed at the end."""
    async with asyncio.timeout(LONG):
        bus = await connect(settings, "test")
    try:
        yield bus
    finally:
        await bus.close()


@asynccontextmanager
async def managed(settings: NatsSettings) -> AsyncGenerator[JetStreamManager]:
    """JetStream's management interface, over a connection of its own."""
    client = Client()
    await client.connect(
        settings.nats_url, user=settings.nats_user, password=settings.nats_password
    )
    yield JetStreamManager(client)
    await client.close()


async def until(met: Callable[[], Awaitable[bool]]) -> None:
    """Wait until it holds."""
    async with asyncio.timeout(LONG):
        while not await met():  # noqa: ASYNC110  a server has no event to wait for
            await asyncio.sleep(0.01)
