"""A bucket of channels that was lost, and whoever fills it again is killed in the middle."""

import asyncio
from pathlib import Path

import msgspec

from shared.bus import Fence, Message, Published
from shared.channels import ChannelRecord
from shared.key_value import KeyValue
from shared.memory_bus import MemoryBus
from shared.topology import CHANNELS, topology
from tests.support.channels import book_on, say, unsay
from tests.support.ingest import until

RECORDS = [ChannelRecord(source="county", channel=str(n), label=f"FD {n}") for n in range(6)]


class Halting(MemoryBus):
    """Takes so many messages, and then lets whoever publishes wait for ever."""

    left = 2

    async def publish(self, message: Message, fence: Fence | None = None) -> Published:
        if self.left == 0:
            await asyncio.Event().wait()
        self.left -= 1
        return await super().publish(message, fence)


async def said(bus: MemoryBus) -> set[str]:
    """The channels of which the bucket says something."""
    entries, _ = await KeyValue(bus, CHANNELS).contents()
    return {name.rpartition(".")[2] for name in entries}


async def test_who_is_killed_in_the_middle_goes_on(tmp_path: Path) -> None:
    path, bus = tmp_path / "channels.json", Halting()
    path.write_bytes(msgspec.json.encode({"channels": RECORDS}))
    await bus.ensure(topology())
    async with book_on(bus, path, puts_back=True):
        await until(lambda: bus.left == 0)
    bus.left = 100
    assert await said(bus) == {"0", "1"}
    # What is said, or taken back, before it goes on is not said over.
    changed = msgspec.structs.replace(RECORDS[4], label="Other")
    await unsay(bus, RECORDS[0])
    await say(bus, changed)
    await say(bus, RECORDS[5])
    await unsay(bus, RECORDS[5])
    async with book_on(bus, path, puts_back=True) as book:
        await until(lambda: len(book.all()) == 4)
        assert {record.channel for record in book.all()} == {"1", "2", "3", "4"}
        assert book.find("county", "4") == changed
        assert await said(bus) == {"1", "2", "3", "4"}
    # It is done once: what is taken back now stays so.
    for record in RECORDS[1:5]:
        await unsay(bus, record)
    async with book_on(bus, path, puts_back=True) as book:
        assert await book.until_read(20)
        assert book.all() == []


async def test_a_bucket_that_was_lost_again_meanwhile_is_filled_from_the_beginning(
    tmp_path: Path,
) -> None:
    path, bus = tmp_path / "channels.json", MemoryBus()
    content = {"channels": RECORDS, "filling": "a bucket that is no longer there"}
    path.write_bytes(msgspec.json.encode(content))
    await bus.ensure(topology())
    async with book_on(bus, path, puts_back=True) as book:
        assert await book.until_read(20)
        assert await said(bus) == {record.channel for record in RECORDS}
