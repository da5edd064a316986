"""Forwarding goes on from any point at which it was cut off, and is done once."""

from pathlib import Path

import pytest

from shared.errors import BusUnavailable, StoreUnavailable
from shared.memory_bus import MemoryBus
from shared.memory_store import MemoryStore
from tests.support.forwarding import (
    Fault,
    FaultyBus,
    FaultyStore,
    all_forwarded,
    check_done,
    forwarding,
    never,
)
from tests.support.ingest import open_spool, put_in, until


async def test_an_entry_is_stored_announced_and_queued_in_order(tmp_path: Path) -> None:
    fault = Fault()
    store, bus, spool = FaultyStore(fault), FaultyBus(fault), open_spool(tmp_path)
    held = await put_in(spool, b"audio")
    async with forwarding(spool, store, bus):
        await until(all_forwarded(spool))
    assert fault.calls == [
        "store.ensure",
        "stat",
        "stat",
        "put_file",
        "put recording.json",
        "put request.json",
        "last",
        "stat",
        "publish queued",
        "publish live",
        "stat",
    ]
    await check_done(store, bus, b"audio")
    assert (held.version, held.known, held.attempts) == (1, False, 0)
    spool.close()


CALLS = 11


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("at", range(CALLS))
async def test_a_restart_after_a_crash_at_any_call_completes_it(
    tmp_path: Path, at: int, after: bool
) -> None:
    fault = Fault(at, after)
    store, bus, spool = FaultyStore(fault), FaultyBus(fault), open_spool(tmp_path)
    held = await put_in(spool, b"audio")
    async with forwarding(spool, store, bus, pace=never):
        await until(lambda: held.attempts > 0)
    assert held.waiting
    spool.close()
    again = open_spool(tmp_path)
    async with forwarding(again, store, bus):
        await until(all_forwarded(again))
    await check_done(store, bus, b"audio")
    (found,) = again.held
    assert (found.version, found.known) == (1, False)
    again.close()


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("at", range(CALLS))
async def test_an_answer_that_is_lost_at_any_call_does_no_harm(
    tmp_path: Path, at: int, after: bool
) -> None:
    def away(name: str) -> Exception:
        return (
            BusUnavailable(name) if name.startswith(("last", "publish")) else StoreUnavailable(name)
        )

    fault = Fault(at, after, away)
    store, bus, spool = FaultyStore(fault), FaultyBus(fault), open_spool(tmp_path)
    await put_in(spool, b"audio")
    async with forwarding(spool, store, bus):
        await until(all_forwarded(spool))
    await check_done(store, bus, b"audio")
    spool.close()


async def test_a_crash_before_the_marker_makes_no_second_job(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, bus, spool = MemoryStore(), MemoryBus(), open_spool(tmp_path)
    held = await put_in(spool, b"audio")

    async def power_cut(*_: object) -> None:
        raise RuntimeError

    with monkeypatch.context() as patched:
        patched.setattr(spool, "forwarded", power_cut)
        async with forwarding(spool, store, bus):
            await until(lambda: held.attempts > 2)
    spool.close()
    again = open_spool(tmp_path)
    async with forwarding(again, store, bus):
        await until(all_forwarded(again))
    await check_done(store, bus, b"audio")
    again.close()
