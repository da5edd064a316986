"""The audit log: in the log at once, on the bus when it is there, and never a failure."""

import asyncio
import logging

import msgspec
import pytest

from shared.audit import Audit, AuditRecord
from shared.keys import Credential
from shared.memory_bus import MemoryBus
from shared.topology import AUDIT, topology
from tests.support.nats_buses import until

BY = Credential("0a1b2c3d", frozenset({"read"}), session="s1")


async def stored(bus: MemoryBus) -> list[AuditRecord]:
    return [
        msgspec.json.decode(message.data, type=AuditRecord)
        async for batch in bus.read(AUDIT.name, [">"])
        for message in batch
    ]


async def test_a_record_is_in_the_log_and_in_the_stream(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    bus = MemoryBus()
    await bus.ensure(topology())
    audit = Audit(bus, "stream")
    # Whatever the log's level: it is no talk.
    monkeypatch.setattr(logging.getLogger(), "level", logging.ERROR)
    audit.note("played", BY, "192.0.2.7", recording="r1")
    [line] = [record for record in caplog.records if record.name == "echobase.audit"]
    assert (line.getMessage(), line.__dict__["key"]) == ("played", "0a1b2c3d")
    assert line.__dict__["about"] == {"recording": "r1"}
    await audit.flush()
    [record] = await stored(bus)
    assert (record.action, record.service, record.session) == ("played", "stream", "s1")
    assert (record.address, record.about) == ("192.0.2.7", {"recording": "r1"})
    assert [m.subject async for b in bus.read(AUDIT.name, [">"]) for m in b] == [
        "echobase.audit.played"
    ]


async def test_nobody_waits_for_the_bus_and_nothing_is_lost_while_it_is_away() -> None:
    bus = MemoryBus()
    await bus.ensure(topology())
    audit = Audit(bus, "stream")
    bus.away = True
    running = asyncio.create_task(audit.run())
    for number in range(3):
        audit.note("played", BY, recording=str(number))
        await asyncio.sleep(0)
    bus.away = False

    async def all_there() -> bool:
        return len(await stored(bus)) == 3

    await until(all_there)
    assert [record.about["recording"] for record in await stored(bus)] == ["0", "1", "2"]
    running.cancel()


async def test_what_waits_is_bounded() -> None:
    bus = MemoryBus()
    await bus.ensure(topology())
    audit = Audit(bus, "stream")
    for number in range(10_005):
        audit.note("played", None, recording=str(number))
    await audit.flush()
    found = await stored(bus)
    assert len(found) == 10_000
    assert found[-1].about["recording"] == "10004"
