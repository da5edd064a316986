"""Channels in their bucket, and copies of it."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec

from shared.bus import Bus
from shared.channel_book import ChannelBook
from shared.channels import ChannelRecord
from shared.key_value import KeyValue
from shared.nats_bus import NatsBus
from shared.nats_link import Link
from shared.settings import NatsSettings
from shared.topology import CHANNELS

FIRE = ChannelRecord(
    source="county",
    channel="fire / west",
    label="FD West",
    description="Fire Dispatch West",
    tag="Fire Dispatch",
    group="Fire",
    language="en",
    prompt="Engine 4, Medic 2.",
    hotwords=["Engine 4", "Birch Street"],
    lane="urgent",
    keep_audio="30d",
)
"""The channel of `tests.support.transcribing.make_job`, with everything said of it."""


async def say(bus: Bus, record: ChannelRecord) -> None:
    """Put what is said of a channel into the bucket."""
    await KeyValue(bus, CHANNELS).put(record.key, msgspec.json.encode(record))


async def unsay(bus: Bus, record: ChannelRecord) -> None:
    """Take it out again."""
    await KeyValue(bus, CHANNELS).delete(record.key)


@asynccontextmanager
async def book_on(bus: Bus, path: Path, *, puts_back: bool = False) -> AsyncGenerator[ChannelBook]:
    """A copy that is kept up to date."""
    book = ChannelBook(bus, path, puts_back=puts_back)
    running = asyncio.create_task(book.run())
    try:
        await book.load()
        yield book
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


@asynccontextmanager
async def book_of(
    nats: NatsSettings, path: Path, *, puts_back: bool = False
) -> AsyncGenerator[ChannelBook]:
    """The same with a connection of its own, as a service has it: NATS may be away."""
    link = Link(nats, "book")
    bus = NatsBus(link)
    opening = asyncio.create_task(link.open())
    try:
        async with book_on(bus, path, puts_back=puts_back) as book:
            yield book
    finally:
        opening.cancel()
        await asyncio.gather(opening, return_exceptions=True)
        await bus.close()
