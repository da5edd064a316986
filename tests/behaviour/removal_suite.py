"""What a bus does with single messages of a stream. A subclass gives the fixture `rig`."""

import pytest

from shared.bus import StoredMessage
from shared.errors import BusUnavailable
from tests.behaviour.rig import Rig, fill, log, read


class RemovalSuite:
    """Behaviour that MemoryBus and NatsBus share."""

    async def test_a_message_is_got_by_its_sequence(self, rig: Rig) -> None:
        await rig.bus.publish(log("a", b"1", colour="red"))
        await rig.bus.publish(log("b", b"2"))
        expected = StoredMessage("t.log.a", b"1", {"colour": "red"}, 1)
        assert await rig.bus.get("TLOG", 1) == expected
        assert await rig.bus.get("TLOG", 3) is None

    async def test_a_message_that_was_removed_is_gone(self, rig: Rig) -> None:
        await fill(rig.bus, ["a"] * 4)
        assert await rig.bus.delete("TLOG", 2)
        assert await rig.bus.get("TLOG", 2) is None
        assert [m.sequence for m in await read(rig.bus)] == [1, 3, 4]
        found = await rig.bus.last("TLOG", "t.log.>")
        assert found is not None
        assert found.sequence == 4

    async def test_what_is_not_there_is_not_removed(self, rig: Rig) -> None:
        await fill(rig.bus, ["a"] * 2)
        assert await rig.bus.delete("TLOG", 1)
        assert not await rig.bus.delete("TLOG", 1)
        assert not await rig.bus.delete("TLOG", 9)
        assert [m.sequence for m in await read(rig.bus)] == [2]

    async def test_a_removed_message_keeps_its_sequence(self, rig: Rig) -> None:
        await fill(rig.bus, ["a"])
        assert await rig.bus.delete("TLOG", 1)
        assert (await rig.bus.publish(log("b"))).sequence == 2
        assert (await rig.bus.state("TLOG")).last == 2

    async def test_single_messages_while_the_server_is_away(self, rig: Rig) -> None:
        await fill(rig.bus, ["a"])
        await rig.stop()
        with pytest.raises(BusUnavailable):
            await rig.bus.get("TLOG", 1)
        with pytest.raises(BusUnavailable):
            await rig.bus.delete("TLOG", 1)

    async def test_an_erased_message_is_gone(self, rig: Rig) -> None:
        await fill(rig.bus, ["a"] * 3)
        assert await rig.bus.delete("TLOG", 2, erase=True)
        assert not await rig.bus.delete("TLOG", 2, erase=True)
        assert [m.sequence for m in await read(rig.bus)] == [1, 3]
