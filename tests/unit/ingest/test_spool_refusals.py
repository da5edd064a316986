"""What the store refused for good is listed, and taken back or dropped if somebody says so."""

from pathlib import Path

import pytest

from services.ingest.entry import Held, Refused
from services.ingest.spool import Spool
from tests.support.ingest import NOON, entry, files, open_spool, put_in

WHY = Refused(code="store-refused", reason="too odd", time=NOON)
KEY = entry(b"audio").key


async def refused(spool: Spool, content: bytes = b"audio") -> Held:
    held = await put_in(spool, content)
    await spool.refuse(held, WHY)
    return held


def again(spool: Spool) -> Spool:
    """The same folder, after a restart."""
    spool.close()
    return open_spool(spool.folder)


@pytest.mark.parametrize("restarted", [False, True])
async def test_a_refused_entry_is_listed(tmp_path: Path, restarted: bool) -> None:
    spool = open_spool(tmp_path)
    held = await refused(spool)
    if restarted:
        spool = again(spool)
    [found] = spool.refusals
    assert (found.key, found.why, found.entry) == (KEY, WHY, held.entry)
    assert found.size == held.size == spool.room.used


@pytest.mark.parametrize("restarted", [False, True])
async def test_a_refused_entry_that_is_taken_back_waits_again(
    tmp_path: Path, restarted: bool
) -> None:
    spool = open_spool(tmp_path)
    await refused(spool)
    back = await spool.restore(KEY)
    assert back == (next(iter(spool.held)), True)
    assert spool.refusals == []
    if restarted:
        spool = again(spool)
    [held] = spool.held
    assert held.waiting
    assert (held.entry, spool.audio(held).read_bytes()) == (entry(b"audio"), b"audio")
    assert files(tmp_path) == [f"entries/{KEY}/audio", f"entries/{KEY}/entry.json"]
    assert spool.room.used == held.size


async def test_a_crash_after_the_move_leaves_an_entry_that_waits(tmp_path: Path) -> None:
    spool = open_spool(tmp_path)
    await refused(spool)
    (tmp_path / "refused" / KEY).rename(tmp_path / "entries" / KEY)
    spool = again(spool)
    assert spool.refusals == []
    [held] = spool.held
    assert held.waiting
    # The store refuses it once more.
    await spool.refuse(held, WHY)
    assert [found.why for found in again(spool).refusals] == [WHY]


async def test_what_was_sent_again_meanwhile_stands(tmp_path: Path) -> None:
    spool = open_spool(tmp_path)
    await refused(spool)
    newer = await put_in(spool, b"audio")
    assert await spool.restore(KEY) == (newer, False)
    assert spool.refusals == []
    assert list(spool.held) == [newer]
    assert spool.room.used == newer.size


async def test_a_dropped_entry_is_gone(tmp_path: Path) -> None:
    spool = open_spool(tmp_path)
    await refused(spool)
    assert await spool.drop(KEY)
    assert not await spool.drop(KEY)
    assert (spool.refusals, files(tmp_path), spool.room.used) == ([], [], 0)


async def test_what_waits_or_was_forwarded_is_not_dropped(tmp_path: Path) -> None:
    spool = open_spool(tmp_path)
    held = await put_in(spool, b"audio")
    assert not await spool.drop(KEY)
    assert await spool.restore(KEY) is None
    assert list(spool.held) == [held]


async def test_an_entry_that_cannot_be_read_is_listed_and_dropped(tmp_path: Path) -> None:
    spool = open_spool(tmp_path)
    await put_in(spool, b"audio")
    (tmp_path / "entries" / KEY / "entry.json").write_text("{")
    spool = again(spool)
    for _ in range(2):
        [found] = spool.refusals
        assert (found.key, found.why.code, found.entry) == (KEY, "unreadable", None)
        assert spool.room.used == found.size > 0
        spool = again(spool)
    assert await spool.restore(KEY) is None
    assert await spool.drop(KEY)
    assert (spool.refusals, files(tmp_path), spool.room.used) == ([], [], 0)


async def test_an_unreadable_one_gives_way_to_the_same_refused_anew(tmp_path: Path) -> None:
    spool = open_spool(tmp_path)
    await put_in(spool, b"audio")
    (tmp_path / "entries" / KEY / "entry.json").write_text("{")
    spool = again(spool)
    held = await refused(spool)
    assert [found.why for found in spool.refusals] == [WHY]
    assert spool.room.used == held.size


async def test_a_refused_entry_without_its_marker_is_refused_all_the_same(tmp_path: Path) -> None:
    spool = open_spool(tmp_path)
    await refused(spool)
    (tmp_path / "refused" / KEY / "refused.json").write_text("")
    spool = again(spool)
    assert [found.why.code for found in spool.refusals] == ["unknown"]
    assert await spool.restore(KEY) is not None
