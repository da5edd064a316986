"""Real servers, reached as ingest reaches them."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from shared.nats_bus import NatsBus
from shared.nats_link import Link
from shared.s3_store import S3Store
from shared.settings import NatsSettings, StoreSettings


@asynccontextmanager
async def reached(
    nats: NatsSettings, store: StoreSettings
) -> AsyncGenerator[tuple[NatsBus, S3Store], None]:
    """Bus and store; the bus connects in the background."""
    link = Link(nats, "test")
    bus, s3 = NatsBus(link), S3Store(store)
    connecting = asyncio.create_task(link.open())
    try:
        yield bus, s3
    finally:
        connecting.cancel()
        await asyncio.gather(connecting, return_exceptions=True)
        await bus.close()
        await s3.close()
