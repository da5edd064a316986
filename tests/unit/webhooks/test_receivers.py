"""The receivers of a process: as the bucket has them, and none is lost by accident."""

from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from services.stream.webhooks.receiver import Receiver
from services.stream.webhooks.receivers import Receivers, load
from shared.bus import StoredMessage, StreamState
from shared.errors import BusUnavailable
from shared.key_value import KeyValue
from shared.memory_bus import MemoryBus
from shared.topology import RECEIVERS, topology
from tests.support.hooks import put, receiver

URL = "https://hooks.example/"


@pytest.fixture
async def bus() -> MemoryBus:
    bus = MemoryBus()
    await bus.ensure(topology())
    return bus


async def remove(bus: MemoryBus, each: Receiver) -> None:
    await KeyValue(bus, RECEIVERS).delete(each.id)


async def test_a_look_sees_what_was_done_before_it(bus: MemoryBus, tmp_path: Path) -> None:
    known = Receivers(bus, tmp_path / "webhooks.json")
    assert await known.look() == {}
    one, two = receiver(URL), receiver(URL)
    await put(bus, one)
    assert await known.look() == {one.id: one}
    await put(bus, two)
    assert await known.look() == {one.id: one, two.id: two}
    await remove(bus, one)
    assert await known.look() == known.known == {two.id: two}
    await remove(bus, two)
    assert await known.look() == {}
    assert load(tmp_path / "webhooks.json") == {}


async def test_a_bucket_that_was_lost_takes_none_away(
    bus: MemoryBus, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path, one, two = tmp_path / "webhooks.json", receiver(URL), receiver(URL)
    await put(bus, one)
    assert await Receivers(bus, path).look() == {one.id: one}
    assert path.stat().st_mode & 0o077 == 0
    bus.delete_stream(RECEIVERS.name)
    # As after a restart: what is known is on the disk alone.
    known = Receivers(bus, path)
    assert await known.look() == {one.id: one}
    assert await known.look() == {one.id: one}
    assert [r.getMessage() for r in caplog.records].count(
        "the bucket of webhooks was lost: those that are known stay in force"
    ) == 1
    await put(bus, two)
    assert await known.look() == {two.id: two}


@pytest.mark.parametrize("damage", [b"{}", b"none", b"\xff"])
async def test_an_entry_that_was_overwritten_takes_none_away(
    bus: MemoryBus, tmp_path: Path, caplog: pytest.LogCaptureFixture, damage: bytes
) -> None:
    one = receiver(URL)
    other = msgspec.json.encode(receiver(URL))
    known = Receivers(bus, tmp_path / "webhooks.json")
    await put(bus, one)
    await known.look()
    for data in (damage, other):  # another one's record is not its own
        await KeyValue(bus, RECEIVERS).put(one.id, data)
        assert await known.look() == {one.id: one}
    assert f"the webhook {one.id} cannot be read" in caplog.text
    assert one.secrets[0] not in caplog.text


async def test_a_damaged_file_is_no_reason_not_to_start(bus: MemoryBus, tmp_path: Path) -> None:
    path, one = tmp_path / "webhooks.json", receiver(URL)
    path.write_bytes(b"none")
    await put(bus, one)
    assert await Receivers(bus, path).look() == {one.id: one}


async def test_only_what_was_looked_at_is_switched_off(bus: MemoryBus, tmp_path: Path) -> None:
    one = receiver(URL)
    known = Receivers(bus, tmp_path / "webhooks.json")
    await put(bus, one)
    await known.look()
    moved = msgspec.structs.replace(one, url="https://elsewhere.example/")
    await put(bus, moved)
    await known.switch_off(one, "it answered 410")
    assert await known.look() == {one.id: moved}
    await known.switch_off(moved, "it answered 410")
    assert known.known[one.id].why == "it answered 410"
    await remove(bus, one)
    await known.switch_off(moved, "it answered 410")
    assert await known.look() == {}


class Lagging(MemoryBus):
    """As a cluster's copy that has not heard of the latest message."""

    behind = True

    async def state(self, stream: str) -> StreamState:
        found = await super().state(stream)
        return replace(found, last=found.last + self.behind)

    async def get(self, stream: str, sequence: int) -> StoredMessage | None:
        del stream
        return StoredMessage("x", b"", {}, sequence) if self.behind else None


async def test_a_copy_that_lags_behind_is_not_believed(tmp_path: Path) -> None:
    bus, one = Lagging(), receiver(URL)
    await bus.ensure(topology())
    await put(bus, one)
    known = Receivers(bus, tmp_path / "webhooks.json")
    with pytest.raises(BusUnavailable, match="lags"):
        await known.look()
    bus.behind = False
    assert await known.look() == {one.id: one}
