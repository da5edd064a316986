"""What is said of channels, over real NATS: followed, kept on the disk, and put back when lost."""

from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest
from nats.aio.client import Client
from nats.js import JetStreamManager

from shared.bus import Bus
from shared.channels import ChannelRecord
from shared.errors import BusUnavailable
from shared.keeping import Limits, Rules
from shared.key_value import KeyValue
from shared.nats_bus import connect
from shared.settings import NatsSettings
from shared.topology import CHANNELS, topology
from tests.behaviour.rig import until_ready
from tests.support.channels import FIRE, book_of, say, unsay
from tests.support.ingest import until
from tests.support.servers import NatsFixture

pytestmark = pytest.mark.servers

EMS = ChannelRecord(source="Bezirk Süd", channel='Kanal "1"', label="RTW")


@pytest.fixture
async def bus(nats: NatsFixture) -> AsyncIterator[Bus]:
    """A connection of the test's own, with every stream there."""
    bus = await connect(nats.settings, "test")
    await bus.ensure(topology())
    yield bus
    await bus.close()


async def lose(nats: NatsSettings) -> None:
    """Delete the bucket behind everybody's back."""
    client = Client()
    await client.connect(nats.nats_url, user=nats.nats_user, password=nats.nats_password)
    await JetStreamManager(client).delete_stream(CHANNELS.name)
    await client.close()


async def test_a_change_is_known_everywhere_without_a_restart(
    nats: NatsFixture, bus: Bus, tmp_path: Path
) -> None:
    async with (
        book_of(nats.settings, tmp_path / "a.json") as one,
        book_of(nats.settings, tmp_path / "b.json") as other,
    ):
        assert await one.until_read(20)
        assert one.find("county", "fire / west") is None
        for record in (FIRE, EMS):
            await say(bus, record)
            place = record.source, record.channel
            await until(lambda: one.find(*place) == other.find(*place) == record)  # noqa: B023
        later = msgspec.structs.replace(FIRE, prompt="Truck 9.")
        await say(bus, later)
        await until(lambda: one.find("county", "fire / west") == later)
        await unsay(bus, FIRE)
        await until(lambda: one.all() == other.all() == [EMS])


async def test_what_is_known_outlives_a_restart_without_nats(
    nats: NatsFixture, bus: Bus, tmp_path: Path
) -> None:
    path = tmp_path / "channels.json"
    await say(bus, FIRE)
    async with book_of(nats.settings, path) as book:
        assert await book.until_read(20)
    nats.kill()
    async with book_of(nats.settings, path) as book:
        assert book.find("county", "fire / west") == FIRE
        assert book.rules(Rules()).limits("county", "fire / west") == Limits(audio=30 * 86_400)
        nats.start()
        await until_ready(bus)
        await say(bus, EMS)
        await until(lambda: book.all() == [FIRE, EMS])


async def test_while_nothing_is_known_nobody_says_what_is_kept(
    nats: NatsFixture, tmp_path: Path
) -> None:
    nats.kill()
    async with book_of(nats.settings, tmp_path / "channels.json") as book:
        with pytest.raises(BusUnavailable):
            book.rules(Rules())
    nats.start()
    # A file that cannot be read says nothing either.
    (tmp_path / "channels.json").write_bytes(b'{"channels": [{}]}')
    async with book_of(nats.settings, tmp_path / "channels.json") as book:
        with pytest.raises(BusUnavailable):
            book.rules(Rules())


@pytest.mark.parametrize(
    "junk",
    [
        b'{"stream":"SUBMIT", "seq":12345}',
        b"",
        b'{"type":"queued","source":"county","channel":"fire / west","prompt":"p"}',
        msgspec.json.encode(EMS),
    ],
    ids=["answer", "empty", "event", "another channel"],
)
async def test_what_is_no_such_channel_changes_nothing(
    nats: NatsFixture, bus: Bus, tmp_path: Path, junk: bytes
) -> None:
    async with book_of(nats.settings, tmp_path / "channels.json") as book:
        await say(bus, FIRE)
        await until(lambda: book.all() == [FIRE])
        await KeyValue(bus, CHANNELS).put(FIRE.key, junk)
        await say(bus, EMS)
        await until(lambda: book.all() == [FIRE, EMS])


async def test_a_lost_bucket_is_filled_again_and_an_emptied_one_is_not(
    nats: NatsFixture, bus: Bus, tmp_path: Path
) -> None:
    for record in (FIRE, EMS):
        await say(bus, record)
    for name in ("ingest", "stream"):
        async with book_of(nats.settings, tmp_path / name) as book:
            assert await book.until_read(20)
    await lose(nats.settings)
    await bus.ensure(topology())
    async with book_of(nats.settings, tmp_path / "stream") as book:
        assert await book.until_read(20)
        assert book.all() == [FIRE, EMS]
        async with book_of(nats.settings, tmp_path / "ingest", puts_back=True) as ingest:
            assert await ingest.until_read(20)
            bucket = KeyValue(bus, CHANNELS)
            for record in (FIRE, EMS):
                assert await bucket.get(record.key) is not None
            for record in (FIRE, EMS):
                await unsay(bus, record)
            await until(lambda: book.all() == ingest.all() == [])
    async with book_of(nats.settings, tmp_path / "ingest", puts_back=True) as ingest:
        assert await ingest.until_read(20)
        assert ingest.all() == []
