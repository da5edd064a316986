"""The spool: what it answers for is on the disk, whole, and nothing else is."""

import asyncio
import errno
import json
import shutil
from datetime import UTC, datetime
from pathlib import Path

import pytest

from services.ingest import disk
from services.ingest.entry import Forwarded, Refused
from services.ingest.spool import Spool
from shared.errors import Full, SettingError
from shared.messages import Options
from tests.support.ingest import NOON, entry, files, open_spool, put_in

DONE = Forwarded(version=3, known=False, time=NOON)
WHY = Refused(code="store-refused", reason="no", time=NOON)


def reopened(spool: Spool) -> Spool:
    """The spool as the next process finds it."""
    spool.close()
    return open_spool(spool.folder, spool.room.most, spool.room.least_free)


async def test_an_entry_survives_a_restart(tmp_path: Path) -> None:
    spool = open_spool(tmp_path)
    held = await put_in(spool, b"audio", "urgent", Options(words=True))
    again = reopened(spool)
    (found,) = again.held
    assert found.entry == held.entry
    assert found.waiting
    assert found.size == held.size == again.room.used == spool.room.used
    assert again.audio(found).read_bytes() == b"audio"
    again.close()


async def test_files_are_synced_in_order_before_an_entry_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spool = open_spool(tmp_path)
    done: list[str] = []

    def name(descriptor: int) -> str:
        return Path(f"/dev/fd/{descriptor}").resolve().name

    real_sync, real_folder, real_move = disk.sync, disk.sync_folder, disk.move

    def sync(descriptor: int) -> None:
        real_sync(descriptor)
        done.append(f"file {name(descriptor)}")

    def sync_folder(folder: Path) -> None:
        real_folder(folder)
        done.append("folder " + ("entries" if folder.name == "entries" else "upload"))

    def move(source: Path, target: Path) -> bool:
        done.append("move")
        return real_move(source, target)

    monkeypatch.setattr(disk, "sync", sync)
    monkeypatch.setattr(disk, "sync_folder", sync_folder)
    monkeypatch.setattr(disk, "move", move)
    await put_in(spool, b"audio")
    assert done == ["file audio", "file entry.json", "folder upload", "move", "folder entries"]
    spool.close()


async def test_an_upload_that_is_not_kept_leaves_nothing(tmp_path: Path) -> None:
    spool = open_spool(tmp_path)
    async with spool.receive() as audio:
        await audio.write(bytes(600_000))
        assert spool.room.used > 0
        assert files(tmp_path) != []
    assert files(tmp_path) == []
    assert spool.room.used == 0
    spool.close()


async def test_an_upload_that_is_cancelled_while_it_is_written_leaves_nothing(
    tmp_path: Path,
) -> None:
    spool = open_spool(tmp_path)

    async def upload() -> None:
        async with spool.receive() as audio:
            while True:
                await audio.write(bytes(300_000))

    for turns in range(40):
        task = asyncio.create_task(upload())
        for _ in range(turns):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    assert spool.room.used == 0
    spool.close()
    assert files(tmp_path) == []


async def test_what_a_crash_left_behind_is_swept(tmp_path: Path) -> None:
    spool = open_spool(tmp_path)
    upload = tmp_path / "incoming" / "abc"
    upload.mkdir()
    (upload / "audio").write_bytes(b"half")
    again = reopened(spool)
    assert files(tmp_path) == []
    assert again.room.used == 0
    again.close()


async def test_the_same_recording_with_the_same_options_is_one_entry(tmp_path: Path) -> None:
    spool = open_spool(tmp_path)

    async def upload(options: Options) -> bool:
        async with spool.receive() as audio:
            await audio.write(b"audio")
            await audio.finish()
            return (await spool.keep(audio, entry(b"audio", options=options)))[1]

    same = await asyncio.gather(*(upload(Options()) for _ in range(10)))
    assert sorted(same) == [False] * 9 + [True]
    assert await upload(Options(words=True))
    assert len(list(spool.held)) == 2
    assert len(files(tmp_path)) == 4
    assert spool.room.used == sum(held.size for held in spool.held)
    spool.close()


async def test_a_forwarded_entry_is_remembered_until_it_is_removed(tmp_path: Path) -> None:
    spool = open_spool(tmp_path)
    held = await put_in(spool, b"audio")
    await spool.forwarded(held, DONE)
    again = reopened(spool)
    (found,) = again.held
    assert not found.waiting
    assert (found.version, found.known, found.forwarded) == (3, False, NOON)
    assert again.room.used == spool.room.used
    await again.remove(found)
    await again.remove(found)
    assert files(tmp_path) == []
    assert again.room.used == 0
    again.close()


async def test_a_marker_that_is_cut_off_means_that_it_is_done_again(tmp_path: Path) -> None:
    spool = open_spool(tmp_path)
    held = await put_in(spool, b"audio")
    await spool.forwarded(held, DONE)
    marker = spool.audio(held).with_name("forwarded.json")
    marker.write_bytes(marker.read_bytes()[:10])
    again = reopened(spool)
    assert [each.waiting for each in again.held] == [True]
    again.close()


async def test_a_refused_entry_is_put_aside_and_may_be_sent_again(tmp_path: Path) -> None:
    spool = open_spool(tmp_path)
    held = await put_in(spool, b"audio")
    await spool.refuse(held, WHY)
    assert not list(spool.held)
    await spool.refuse(await put_in(spool, b"audio"), WHY)
    again = reopened(spool)
    (found,) = again.find(held.entry.recording.id)
    assert found.refused == WHY
    assert again.audio(found).read_bytes() == b"audio"
    assert len(files(tmp_path)) == 3
    assert again.room.used == spool.room.used == found.size
    again.close()


async def _broken(tmp_path: Path, damage: str) -> Spool:
    spool = open_spool(tmp_path)
    await put_in(spool, b"good")
    bad = await put_in(spool, b"bad audio")
    folder = spool.audio(bad).parent
    match damage:
        case "no description":
            (folder / "entry.json").unlink()
        case "no audio":
            (folder / "audio").unlink()
        case "half a description":
            (folder / "entry.json").write_text('{"recording": ')
        case "half of the audio":
            (folder / "audio").write_bytes(b"bad")
        case _:
            content = json.loads((folder / "entry.json").read_text())
            content["options"] = {"words": True}
            (folder / "entry.json").write_text(json.dumps(content))
    return reopened(spool)


@pytest.mark.parametrize(
    "damage",
    ["no description", "no audio", "half a description", "half of the audio", "another's"],
)
async def test_a_damaged_entry_is_put_aside_and_stops_nobody(tmp_path: Path, damage: str) -> None:
    spool = await _broken(tmp_path, damage)
    assert [held.entry.recording.size for held in spool.held] == [4]
    assert len(list((tmp_path / "refused").iterdir())) == 1
    again = reopened(spool)
    assert len(list(again.held)) == 1
    again.close()


async def test_a_full_spool_says_so_and_keeps_nothing_by_halves(tmp_path: Path) -> None:
    spool = open_spool(tmp_path, most=3_000)
    await put_in(spool, bytes(1_000))
    before = files(tmp_path)
    with pytest.raises(Full):
        await put_in(spool, b"x" * 2_500)
    assert files(tmp_path) == before
    assert not spool.is_full()
    spool.close()


async def test_an_announced_size_is_refused_before_it_comes(tmp_path: Path) -> None:
    spool = open_spool(tmp_path, most=1_000)
    with pytest.raises(Full):
        async with spool.receive() as audio:
            await audio.reserve(1_001)
    async with spool.receive() as audio:
        await audio.reserve(1_000)
        assert spool.is_full()
        await audio.write(bytes(900))
        await audio.finish()
        assert spool.room.used == 1_000
    assert spool.room.used == 0
    spool.close()


async def test_what_is_safe_elsewhere_makes_room(tmp_path: Path) -> None:
    spool = open_spool(tmp_path, most=10_000)
    first = await put_in(spool, b"1" * 3_000)
    second = await put_in(spool, b"2" * 3_000, minute=1)
    for held in (second, first):
        await spool.forwarded(held, DONE)
    third = await put_in(spool, b"3" * 3_000)
    assert list(spool.held) == [second, third]
    fourth = await put_in(spool, b"4" * 3_000)
    assert list(spool.held) == [third, fourth]
    with pytest.raises(Full):
        await put_in(spool, b"5" * 5_000)
    assert spool.room.used == sum(held.size for held in spool.held)
    spool.close()


async def test_a_full_disk_is_full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spool = open_spool(tmp_path)

    def no_space(path: Path, data: bytes) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(disk, "write", no_space)
    with pytest.raises(Full):
        await put_in(spool, b"audio")
    assert files(tmp_path) == []
    assert spool.room.used == 0
    spool.close()


async def test_an_upload_whose_last_sync_failed_can_be_sent_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spool = open_spool(tmp_path)
    real = disk.sync_folder

    def broken(folder: Path) -> None:
        if folder.name == "entries":
            raise OSError(errno.EIO, "Input/output error")
        real(folder)

    with monkeypatch.context() as patched:
        patched.setattr(disk, "sync_folder", broken)
        with pytest.raises(OSError, match="Input/output error"):
            await put_in(spool, b"audio")
    assert list(spool.held) == []
    held = await put_in(spool, b"audio")
    assert list(spool.held) == [held]
    assert spool.audio(held).read_bytes() == b"audio"
    assert spool.room.used == held.size
    spool.close()


def test_two_processes_cannot_share_a_spool(tmp_path: Path) -> None:
    spool = open_spool(tmp_path)
    with pytest.raises(SettingError, match="in use"):
        open_spool(tmp_path)
    reopened(spool).close()


def test_a_spool_that_cannot_be_written_ends_the_start(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(SettingError, match="ECHOBASE_DATA"):
        open_spool(tmp_path / "file" / "spool")


async def test_a_crash_between_move_and_removal_leaves_what_is_swept(tmp_path: Path) -> None:
    spool = open_spool(tmp_path)
    held = await put_in(spool, b"audio")
    await spool.forwarded(held, Forwarded(version=1, known=False, time=datetime.now(UTC)))
    shutil.move(spool.audio(held).parent, tmp_path / "incoming" / "aside")
    again = reopened(spool)
    assert files(tmp_path) == []
    again.close()


def test_free_is_what_we_may_still_write(tmp_path: Path) -> None:
    assert 0 < disk.free(tmp_path) <= shutil.disk_usage(tmp_path).total
