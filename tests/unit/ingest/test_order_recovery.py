"""An order for another version, cut off anywhere, is carried out once."""

from datetime import timedelta
from pathlib import Path

import msgspec
import pytest

from services.ingest.entry import Entry
from services.ingest.spool import Spool
from shared import object_keys
from shared.memory_bus import MemoryBus
from shared.memory_store import MemoryStore
from shared.messages import Job, Options, decode
from tests.support.forwarding import (
    Fault,
    FaultyBus,
    FaultyStore,
    all_forwarded,
    forwarding,
    never,
)
from tests.support.ingest import NOON, entry, events, jobs, open_spool, put_in, until

OPTIONS = Options(language="de")
CALLS = 10
"""Made for an order whose recording has one version."""


def order() -> Entry:
    asked = NOON + timedelta(hours=1)
    return msgspec.structs.replace(entry(b"audio", options=OPTIONS), ordered=asked)


async def place(spool: Spool) -> None:
    async with spool.receive() as nothing:
        await nothing.finish()
        await spool.keep(nothing, order())


async def after_an_upload(folder: Path, fault: Fault) -> tuple[FaultyStore, FaultyBus]:
    """Store and bus of a site that has the recording."""
    quiet = Fault()
    store, bus, spool = FaultyStore(quiet), FaultyBus(quiet), open_spool(folder / "first")
    await put_in(spool, b"audio")
    async with forwarding(spool, store, bus):
        await until(all_forwarded(spool))
    spool.close()
    store.fault = bus.fault = fault
    return store, bus


async def check_once(store: MemoryStore, bus: MemoryBus) -> None:
    """The recording has two versions, each announced and queued once."""
    id = order().recording.id
    keys = {object_keys.request(id, number) for number in (1, 2)}
    assert {key for key in store.objects if "/versions/" in key} == keys
    assert store.objects[order().recording.audio] == b"audio"
    found = [decode(message.data, Job) for message in await jobs(bus)]
    assert found == [entry(b"audio").job(1), order().job(2)]
    versions = [message.subject.split(".")[-2:] for message in await events(bus)]
    assert versions == [["1", "queued"], ["2", "queued"]]


async def test_an_order_moves_no_audio(tmp_path: Path) -> None:
    fault = Fault()
    store, bus = await after_an_upload(tmp_path, fault)
    spool = open_spool(tmp_path)
    await place(spool)
    async with forwarding(spool, store, bus):
        await until(all_forwarded(spool))
    assert fault.calls == [
        "store.ensure",
        "stat",
        "put request.json",
        "get",
        "put request.json",
        "last",
        "stat",
        "publish queued",
        "publish live",
        "stat",
    ]
    await check_once(store, bus)
    spool.close()


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("at", range(CALLS))
async def test_an_order_cut_off_at_any_call_is_carried_out_once(
    tmp_path: Path, at: int, after: bool
) -> None:
    store, bus = await after_an_upload(tmp_path, Fault(at, after))
    spool = open_spool(tmp_path)
    await place(spool)
    [held] = spool.held
    async with forwarding(spool, store, bus, pace=never):
        await until(lambda: held.attempts > 0)
    spool.close()
    again = open_spool(tmp_path)
    [held] = again.held
    assert (held.entry, held.waiting) == (order(), True)
    async with forwarding(again, store, bus):
        await until(all_forwarded(again))
    await check_once(store, bus)
    assert (held.version, held.known) == (2, False)
    again.close()
