"""The watched folder: what is put into it, and what comes of it."""

import asyncio
import hashlib
import os
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest

from services.ingest.watch import listener
from services.ingest.watch.description import LIVE
from shared import object_keys
from shared.erasure import Tombstone
from shared.identity import recording_id
from shared.messages import encode
from tests.support import audio_files
from tests.support.ingest import files, jobs
from tests.support.watching import (
    QUICK,
    STEM,
    World,
    call_json,
    put,
    until,
    watching,
    with_list,
    world,
)

WAV = audio_files.wav(0.2)
OTHER = audio_files.wav(0.2, pitch=500)
CALL = f"county/2026/3/1/{STEM}"
SDRTRUNK = "20260301_120005MN_ARMER_McLeod_TRAFFIC__TO_33203_FROM_557978"
MOVE = msgspec.structs.replace(QUICK, watch_after="move")
DELETE = msgspec.structs.replace(QUICK, watch_after="delete")


@pytest.fixture
def place(tmp_path: Path) -> World:
    """A folder, a spool, a store and a bus."""
    return world(tmp_path)


def left(place: World) -> list[str]:
    """Files of the folder."""
    return files(place.folder)


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


async def test_files_that_lie_there_and_files_that_come_are_taken(place: World) -> None:
    put(place.folder, "before.wav", WAV)
    async with watching(place) as life:
        await life.taken(1)
        put(place.folder, f"{CALL}.json", call_json())
        await life.quiet()
        put(place.folder, f"{CALL}.wav", OTHER)
        put(place.folder, f"{SDRTRUNK}.wav", with_list(WAV))
        found = await life.taken(3)
    sdrtrunk, call, plain = found
    assert (plain.source, plain.channel, plain.start, plain.metadata) == (
        "watch",
        "default",
        None,
        {},
    )
    assert (sdrtrunk.source, sdrtrunk.channel) == ("MN ARMER", "33203")
    assert sdrtrunk.start == datetime(2026, 3, 1, 12, 0, 5, 50_000, UTC)
    assert sdrtrunk.metadata["unit_label"] == "Engine 7"
    assert (call.source, call.channel) == ("county", "54241")
    assert call.metadata["talkgroup_label"] == "FD Disp"
    assert call.filename == f"{STEM}.wav"
    start = datetime(2026, 3, 1, 12, 0, 5, tzinfo=UTC)
    assert call.id == recording_id("county", "54241", start, sha256(OTHER))
    assert left(place) == sorted(["before.wav", f"{CALL}.json", f"{CALL}.wav", f"{SDRTRUNK}.wav"])


async def test_a_call_is_taken_in_one_form_whenever_the_other_comes(
    place: World, tmp_path: Path
) -> None:
    m4a = audio_files.write(tmp_path / "call.m4a", "m4a", 0.2).read_bytes()
    put(place.folder, f"{CALL}.json", call_json())
    for suffix, content in ((".wav", WAV), (".m4a", m4a), (".raw.wav", OTHER)):
        put(place.folder, CALL + suffix, content)
    later = f"{CALL}3"
    put(place.folder, f"{later}.json", call_json(start_time_ms=1772366999000))
    put(place.folder, f"{later}.wav", OTHER)
    async with watching(place) as life:
        first, second = await life.taken(2)
        assert (first.filename, first.container) == (f"{STEM}.m4a", "mov,mp4,m4a,3gp,3g2,mj2")
        # Made of the wav, which trunk-recorder then removes.
        put(place.folder, f"{later}.m4a", m4a)
        (place.folder / f"{later}.wav").unlink()
        assert (await life.taken(2))[1] == second
    async with watching(place) as life:
        await life.taken(2)


async def test_nothing_is_read_twice(place: World, caplog: pytest.LogCaptureFixture) -> None:
    put(place.folder, "a.wav", WAV)
    async with watching(place) as life:
        await life.taken(1)
    caplog.clear()
    caplog.set_level("INFO")
    async with watching(place) as life:
        await life.quiet()
        put(place.folder, "b.wav", OTHER)
        await life.taken(2)
    assert [r.message for r in caplog.records].count("taken from the watched folder") == 1


async def test_without_the_ledger_it_is_the_same_recording(place: World) -> None:
    put(place.folder, f"{CALL}.json", call_json())
    put(place.folder, f"{CALL}.wav", WAV)
    async with watching(place, forwards=True) as life:
        await life.taken(1)
        await until(lambda: not life.held[0].waiting)
    shutil.rmtree(place.spool)
    async with watching(place, forwards=True) as life:
        await life.taken(1)
        await until(lambda: not life.held[0].waiting)
        assert life.held[0].known
    assert len(place.stored()) == 1
    assert len(await jobs(place.bus)) == 1


async def test_a_file_that_grows_slowly_is_read_whole(place: World) -> None:
    whole = audio_files.wav(1.0)
    async with watching(place) as life:
        with (place.folder / "slow.wav").open("wb") as file:
            for start in range(0, len(whole), 1500):
                file.write(whole[start : start + 1500])
                file.flush()
                await asyncio.sleep(0.03)
        [found] = await life.taken(1)
    assert found.sha256 == sha256(whole)


async def test_a_file_that_is_replaced_is_another_recording(place: World) -> None:
    async with watching(place) as life:
        put(place.folder, "a.wav", WAV)
        await life.taken(1)
        put(place.folder, "a.wav", OTHER)
        await life.taken(2)


async def test_folders_and_names_of_any_kind(place: World, tmp_path: Path) -> None:
    async with watching(place) as life:
        await life.quiet()
        put(tmp_path, "ready/Übung/消防/救急 1.WAV", WAV)
        (tmp_path / "ready/Übung").rename(place.folder / "Übung")
        broken = os.fsdecode(b"Gr\xfcn.wav")
        put(place.folder, broken, OTHER)
        latin, japanese = await life.taken(2)
    assert (japanese.filename, latin.filename) == ("救急 1.WAV", "Gr\N{REPLACEMENT CHARACTER}n.wav")
    assert (japanese.source, japanese.channel) == ("Übung", "消防")


async def test_what_links_lead_to_is_not_read(place: World, tmp_path: Path) -> None:
    secret = put(tmp_path, "elsewhere/secret.wav", WAV)
    (place.folder / "link.wav").symlink_to(secret)
    (place.folder / "away").symlink_to(secret.parent)
    os.mkfifo(place.folder / "pipe.wav")
    put(place.folder, "real.wav", OTHER)
    async with watching(place, DELETE) as life:
        [found] = await life.taken(1)
    assert found.filename == "real.wav"
    assert secret.exists()


@pytest.mark.parametrize("settings", [MOVE, DELETE])
async def test_what_was_taken_is_moved_or_deleted(
    place: World, settings: object, tmp_path: Path
) -> None:
    settings = MOVE if settings is MOVE else DELETE
    put(place.folder, f"{CALL}.json", call_json())
    put(place.folder, f"{CALL}.wav", WAV)
    put(place.folder, "sub/a.wav", OTHER)
    put(place.folder, "talkgroups.csv", "left alone")
    put(place.folder, "bad.wav", "no audio at all")
    async with watching(place, settings) as life:
        await life.taken(2)
        # What trunk-recorder makes of the call goes the same way, and is not taken.
        m4a = audio_files.write(tmp_path / "call.m4a", "m4a", 0.2).read_bytes()
        put(place.folder, f"{CALL}.m4a", m4a)
        await life.taken(2)
    taken = [f".taken/{CALL}.json", f".taken/{CALL}.m4a", f".taken/{CALL}.wav", ".taken/sub/a.wav"]
    rest = [".refused/bad.wav", "talkgroups.csv"]
    assert left(place) == sorted([*rest, *(taken if settings is MOVE else [])])


async def test_killed_before_it_is_moved_it_is_moved_and_not_taken_again(
    place: World, caplog: pytest.LogCaptureFixture
) -> None:
    put(place.folder, f"{CALL}.json", call_json())
    put(place.folder, f"{CALL}.wav", WAV)
    async with watching(place) as life:
        [before] = await life.taken(1)
    caplog.clear()
    caplog.set_level("INFO")
    async with watching(place, MOVE) as life:
        await life.quiet()
        assert life.recordings == [before]
    assert "taken from the watched folder" not in caplog.text
    assert left(place) == [f".taken/{CALL}.json", f".taken/{CALL}.wav"]


async def test_killed_between_spool_and_ledger_it_is_taken_once(place: World) -> None:
    put(place.folder, "a.wav", WAV)
    async with watching(place) as life:
        [before] = await life.taken(1)
    shutil.rmtree(place.spool / "watch")
    async with watching(place, MOVE) as life:
        assert await life.taken(1) == [before]
    assert left(place) == [".taken/a.wav"]


async def test_of_one_name_twice_both_are_kept(place: World) -> None:
    async with watching(place, MOVE) as life:
        put(place.folder, "a.wav", WAV)
        await life.taken(1)
        put(place.folder, "a.wav", OTHER)
        await life.taken(2)
    assert left(place) == [".taken/a (2).wav", ".taken/a.wav"]


async def test_what_is_no_audio_holds_nothing_up(
    place: World, caplog: pytest.LogCaptureFixture
) -> None:
    put(place.folder, "bad.wav", "no audio at all")
    put(place.folder, "list.wav", "ffconcat version 1.0\nfile good.wav\n")
    put(place.folder, "large.wav", audio_files.wav(70.0))
    put(place.folder, "large.mp3", bytes(3_000_000))
    put(place.folder, "good.wav", WAV)
    async with watching(place, max_bytes=2_000_000) as life:
        [found] = await life.taken(1)
    assert found.filename == "good.wav"
    told = {
        str(record.__dict__["path"]): (record.__dict__["code"], record.__dict__["reason"])
        for record in caplog.records
        if record.message == "a file of the watched folder is not taken"
    }
    assert {path: code for path, (code, _) in told.items()} == {
        "bad.wav": "not-audio",
        "list.wav": "not-audio",
        "large.wav": "too-large",
        "large.mp3": "too-large",
    }
    assert "playlist" in told["list.wav"][1]
    assert "ECHOBASE_MAX_UPLOAD_BYTES" in told["large.mp3"][1]


async def test_what_is_no_audio_yet_is_taken_when_it_is(place: World) -> None:
    async with watching(place) as life:
        put(place.folder, "a.wav", WAV[:30])
        await until(lambda: life.watcher.pending)
        put(place.folder, "a.wav", WAV)
        [found] = await life.taken(1)
        assert found.sha256 == sha256(WAV)
        put(place.folder, "b.wav", "no audio at all")
        await life.taken(1)
        put(place.folder, "b.wav", OTHER)
        await life.taken(2)


async def test_while_the_spool_is_full_files_wait(
    place: World, caplog: pytest.LogCaptureFixture
) -> None:
    for number in range(6):
        put(place.folder, f"{number}.wav", audio_files.wav(0.5, pitch=300 + number))
    async with watching(place, DELETE, spool_bytes=40_000) as life:
        await until(lambda: len(life.held) == 2 and "wait for room" in caplog.text)
        assert len(left(place)) >= 4
        # Uploads find room, which the folder leaves to them.
        async with life.spool.receive() as audio:
            await audio.reserve(8_000)
    async with watching(place, DELETE, spool_bytes=40_000, forwards=True):
        await until(lambda: len(place.stored()) == 6 and not left(place))


async def test_an_emergency_is_urgent_and_what_is_old_can_wait(place: World) -> None:
    put(place.folder, f"{CALL}.json", call_json(emergency=1))
    put(place.folder, f"{CALL}.wav", WAV)
    old = put(place.folder, "old.wav", OTHER)
    before = datetime.now(UTC) - timedelta(seconds=LIVE + 60)
    os.utime(old, (before.timestamp(), before.timestamp()))
    put(place.folder, "new.wav", audio_files.wav(0.3))
    async with watching(place) as life:
        await life.taken(3)
        lanes = {held.entry.recording.filename: held.entry.lane for held in life.held}
    assert lanes == {f"{STEM}.wav": "urgent", "old.wav": "backfill", "new.wav": "live"}


async def test_what_was_erased_does_not_come_back_with_its_file(place: World) -> None:
    put(place.folder, "a.wav", WAV)
    id = recording_id("watch", "default", None, sha256(WAV))
    await asyncio.sleep(0.01)
    stone = Tombstone(recording=id, time=datetime.now(UTC), reason="request")
    await place.store.put(object_keys.tombstone(id), encode(stone))
    async with watching(place, forwards=True) as life:
        await until(lambda: life.watcher.surveys > 3 and not life.watcher.pending)
        await until(lambda: not life.held)
    assert place.stored() == []


async def test_the_system_tells_of_new_files_and_folders(place: World, tmp_path: Path) -> None:
    patient = msgspec.structs.replace(QUICK, watch_rescan=3600.0)
    async with watching(place, patient) as life:
        await until(lambda: life.watcher.surveys == 1)
        # It listens some time after it began to.
        await until(lambda: _told(place, life.watcher.pending))
        put(tmp_path, "ready/2026/a.wav", OTHER)
        (tmp_path / "ready").rename(place.folder / "county")
        put(place.folder, "city/b.wav", audio_files.wav(0.3))
        await until(lambda: len(life.held) == 3)
        assert life.watcher.surveys == 1


def _told(place: World, pending: int) -> bool:
    put(place.folder, "here.wav", WAV)
    return pending > 0


async def test_where_nothing_tells_of_files_they_are_found(
    place: World, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(*_: object, **__: object) -> object:
        raise OSError("no inotify here")

    monkeypatch.setattr(listener, "awatch", refuse)
    async with watching(place) as life:
        await life.quiet()
        put(place.folder, "a.wav", WAV)
        await life.taken(1)
    assert caplog.text.count("nothing tells of new files") == 1


async def test_a_folder_that_is_not_there_is_waited_for(
    place: World, caplog: pytest.LogCaptureFixture
) -> None:
    place.folder.rmdir()
    async with watching(place) as life:
        await until(lambda: "CALL_WATCH_PATH" in caplog.text)
        result = await life.watcher.check()
        assert result.status == "degraded"
        assert str(place.folder) in result.detail
        put(place.folder, "a.wav", WAV)
        await life.taken(1)
        assert (await life.watcher.check()).status == "ok"
        # Away for a while, as a share is, and back with what was in it.
        place.folder.rename(place.folder.with_name("away"))
        await until(lambda: caplog.text.count("waits: ") == 2)
        place.folder.with_name("away").rename(place.folder)
        put(place.folder, "b.wav", OTHER)
        await life.taken(2)


async def test_it_ends_when_told_and_finishes_what_it_has_in_hand(place: World) -> None:
    for number in range(8):
        put(place.folder, f"{number}.wav", audio_files.wav(0.2, pitch=300 + number))
    async with watching(place) as life:
        await until(lambda: life.held)
        life.stopping.set()
        await until(lambda: life.ended)
        count = len(life.held)
    async with watching(place) as life:
        assert len(life.held) == count
        await life.taken(8)
