"""The projection on a store and a bus in memory: what it knows, and what it knows again."""

import logging
from datetime import UTC, datetime
from pathlib import Path

import pytest

from services.stream.history.query import Wanted
from services.stream.history.terms import terms
from shared import object_keys
from shared.bus import Bus
from shared.envelope import deleted_message
from shared.erasure import Forgotten, Tombstone, bury
from shared.keeping import What
from shared.memory_bus import MemoryBus
from shared.memory_store import MemoryStore
from shared.messages import Deleted, Failed, encode
from shared.topology import EVENTS, topology
from tests.support.calls import Call
from tests.support.history import (
    dump_file,
    kept,
    said,
    until,
    until_at,
    until_health,
    until_said,
)


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore()


@pytest.fixture
async def bus() -> Bus:
    bus = MemoryBus()
    await bus.ensure(topology())
    return bus


async def call(store: MemoryStore, bus: Bus, *texts: str) -> Call:
    """One that went well."""
    found = Call(bus)
    await found.store_recording(store)
    await found.store_request(store)
    await found.queued()
    await found.started()
    for text in texts:
        await found.segment(text)
    await found.store_transcript(store, *texts)
    await found.completed()
    return found


async def deleted(bus: Bus, which: Call, what: What = "all") -> None:
    await bus.publish(
        deleted_message(
            Deleted(
                recording=which.recording,
                source=which.source,
                channel=which.channel,
                time=datetime.now(UTC),
                what=what,
                reason="request",
            )
        )
    )


async def last(bus: Bus) -> int:
    return (await bus.state(EVENTS.name)).last


async def test_what_a_restart_does_not_change(tmp_path: Path, store: MemoryStore, bus: Bus) -> None:
    await call(store, bus, "before")
    async with kept(tmp_path, store, bus) as history:
        await until_at(history, await last(bus))
        during = Call(bus)
        await during.store_recording(store)
        await during.store_request(store)
        await during.queued()
        await during.started()
        await during.segment("half")
        assert said(await until_at(history, await last(bus))) == {"half", "before"}
    await during.segment("way")
    async with kept(tmp_path, store, bus) as history:
        found = await until_at(history, await last(bus))
    assert said(found) == {"half way", "before"}
    assert {each.text: each.segments for each in found.recordings} == {"half way": 2, "before": 1}


async def test_a_new_file_equals_an_old_one_although_events_has_aged_out(
    tmp_path: Path, store: MemoryStore, bus: Bus
) -> None:
    async with kept(tmp_path / "old", store, bus) as history:
        await call(store, bus, "one")
        lost, forgotten, erased = Call(bus), await call(store, bus, "two"), Call(bus)
        for each in (lost, erased):
            await each.store_recording(store)
            await each.store_request(store)
            await each.queued()
            await each.started()
        await lost.failed("It broke.")
        [failed] = [
            message
            async for batch in bus.read(EVENTS.name, [f"echobase.events.*.*.{lost.recording}.>"])
            for message in batch
            if message.subject.endswith("failed")
        ]
        await store.put(object_keys.failed(lost.recording, 1), failed.data)
        now = datetime.now(UTC)
        key = object_keys.forgotten(forgotten.recording)
        await store.put(key, encode(Forgotten(time=now, reason="age")))
        await bus.publish(
            deleted_message(
                Deleted(
                    recording=forgotten.recording,
                    source=forgotten.source,
                    channel=forgotten.channel,
                    time=now,
                    what="audio",
                    reason="age",
                )
            )
        )
        await until_at(history, await last(bus))
        await deleted(bus, erased)
        for object_key in [k for k in store.objects if erased.recording in k]:
            await store.delete(object_key)
        found = await until_at(history, await last(bus))
        assert sorted(each.status for each in found.recordings) == ["completed"] * 2 + ["failed"]
    for sequence in range(1, await last(bus)):
        await bus.delete(EVENTS.name, sequence)
    async with kept(tmp_path / "new", store, bus) as history:
        again = await until_at(history, await last(bus))
    assert again.recordings == found.recordings
    assert again.last_event_id == found.last_event_id
    assert dump_file(tmp_path / "new") == dump_file(tmp_path / "old")


async def test_events_of_what_the_store_knows_already_change_nothing(
    tmp_path: Path, store: MemoryStore, bus: Bus
) -> None:
    for number in range(5):
        await call(store, bus, f"text {number}")
    failed = Call(bus)
    await failed.store_recording(store)
    await failed.store_request(store)
    await failed.queued()
    await failed.started()
    await failed.failed("It broke.")
    await failed.queued()  # as a replay of its dead letter does
    await store.put(
        object_keys.failed(failed.recording, 1),
        encode(
            Failed(
                recording=failed.recording,
                version=1,
                source="upload",
                channel="default",
                time=datetime.now(UTC),
                code="x",
                reason="It broke.",
            )
        ),
    )
    async with kept(tmp_path, store, bus) as history:
        found = await until_at(history, await last(bus))
    assert said(found) == {"", "text 4", "text 3", "text 2", "text 1", "text 0"}
    assert {each.status for each in found.recordings if not each.text} == {"queued"}


async def test_what_was_erased_leaves_no_trace_in_the_files_bytes(
    tmp_path: Path, store: MemoryStore, bus: Bus
) -> None:
    others = [await call(store, bus, f"harmless chatter {n}") for n in range(30)]
    async with kept(tmp_path, store, bus) as history:
        secret = await call(store, bus, "Zyxwvutsrq Plumbiferous", "Quixotically")
        half = Call(bus, channel="Undercoverchannel")
        await half.store_recording(store)
        await half.store_request(store)
        await half.queued()
        await half.started()
        await half.segment("Xenophanically")
        await call(store, bus, "more chatter")
        await until_at(history, await last(bus))
        assert (await history.page(Wanted(q=terms("plumbiferous")))).recordings
        assert len(traces_in(everything(tmp_path), secret.recording, half.recording)) > 5
        for each in (secret, half):
            for key in [k for k in store.objects if each.recording in k]:
                await store.delete(key)
            await deleted(bus, each)
        found = await until_at(history, await last(bus))
        assert len(found.recordings) == len(others) + 1
        assert not (await history.page(Wanted(q=terms("plumbiferous")))).recordings
        # While it is open: a process that is killed then leaves these bytes.
        await until(lambda: not traces_in(everything(tmp_path), secret.recording, half.recording))
        assert b"chatter" in everything(tmp_path)


def traces_in(content: bytes, *ids: str) -> list[str]:
    """Pieces of what was said, or of whom, that the bytes still hold."""
    words = ("Zyxwvuts", "Plumbifer", "Quixotic", "Xenophan", "Undercover")
    pieces = (*words, *map(str.lower, words), *ids)
    return [piece for piece in pieces if piece.encode() in content]


def everything(folder: Path) -> bytes:
    files = (folder / "history").glob("history.sqlite*")
    return b"".join(path.read_bytes() for path in files)


async def test_what_was_sent_anew_after_it_was_deleted_is_there(
    tmp_path: Path, store: MemoryStore, bus: Bus
) -> None:
    first = await call(store, bus, "old words")
    await deleted(bus, first)
    await bury(
        store, Tombstone(recording=first.recording, time=datetime.now(UTC), reason="request")
    )
    gone = await call(store, bus, "gone")
    await bury(store, Tombstone(recording=gone.recording, time=datetime.now(UTC), reason="request"))
    again = Call(bus, recording=first.recording, version=2)
    await again.store_recording(store)
    await again.store_request(store)
    await again.store_transcript(store, "new words")
    await store.delete(object_keys.transcript(first.recording, 1))
    async with kept(tmp_path, store, bus) as history:
        assert said(await until_at(history, await last(bus))) == {"new words"}
        await again.queued()
        assert said(await until_at(history, await last(bus))) == {"new words"}


async def test_a_stream_made_anew_is_followed_after_another_look_at_the_store(
    tmp_path: Path, store: MemoryStore, bus: Bus
) -> None:
    one = await call(store, bus, "one")
    two = await call(store, bus, "two")
    async with kept(tmp_path, store, bus) as history:
        assert len((await until_at(history, await last(bus))).recordings) == 2
    bus = MemoryBus()
    await bus.ensure(topology())
    for key in [key for key in store.objects if one.recording in key]:
        await store.delete(key)
    silent = Call(bus)
    await silent.store_recording(store)
    async with kept(tmp_path, store, bus) as history:
        await call(store, bus, "three")
        found = await until_said(history, {"three", "", "two"})
    assert {each.id for each in found.recordings} >= {silent.recording, two.recording}
    assert (found.last_event_id or "").startswith((await bus.state(EVENTS.name)).epoch)


async def test_events_that_aged_out_while_it_was_away_are_made_up_for(
    tmp_path: Path, store: MemoryStore, bus: Bus
) -> None:
    await call(store, bus, "one")
    async with kept(tmp_path, store, bus) as history:
        await until_at(history, await last(bus))
    await call(store, bus, "two")
    end = await last(bus)
    await call(store, bus, "three")
    for sequence in range(1, end + 1):
        await bus.delete(EVENTS.name, sequence)
    async with kept(tmp_path, store, bus) as history:
        await until_said(history, {"three", "two", "one"})


@pytest.mark.parametrize("damage", ["garbage", "middle", "other", "gone"])
async def test_a_file_that_is_no_good_is_made_anew(
    tmp_path: Path,
    store: MemoryStore,
    bus: Bus,
    caplog: pytest.LogCaptureFixture,
    damage: str,
) -> None:
    for number in range(20):
        await call(store, bus, f"text {number} " + "word " * 200)
    async with kept(tmp_path, store, bus) as history:
        before = await until_at(history, await last(bus))
    path = tmp_path / "history" / "history.sqlite"
    content = bytearray(path.read_bytes())
    match damage:
        case "garbage":
            path.write_bytes(b"This is no database, and it never was one. " * 100)
        case "middle":
            content[4096:] = bytes(len(content) - 4096)
            path.write_bytes(content)
        case "other":
            content[60:64] = (99).to_bytes(4, "big")
            path.write_bytes(content)
        case _:
            path.unlink()
    with caplog.at_level(logging.WARNING):
        async with kept(tmp_path, store, bus) as history:
            after = await until_at(history, await last(bus))
    assert after == before
    said_so = [r for r in caplog.records if "made anew" in r.getMessage()]
    assert len(said_so) == (0 if damage == "gone" else 1)


async def test_a_file_that_is_taken_away_while_it_is_used_is_made_anew(
    tmp_path: Path, store: MemoryStore, bus: Bus
) -> None:
    await call(store, bus, "one")
    async with kept(tmp_path, store, bus) as history:
        await until_at(history, await last(bus))
        for path in (tmp_path / "history").glob("history.sqlite*"):
            path.unlink()
        await until((tmp_path / "history" / "history.sqlite").exists)
        assert said(await until_at(history, await last(bus))) == {"one"}


async def test_without_the_store_it_waits_and_says_so(
    tmp_path: Path, store: MemoryStore, bus: Bus
) -> None:
    await call(store, bus, "one")
    store.away = True
    async with kept(tmp_path, store, bus) as history:
        await until_health(history, "degraded", "away")
        with pytest.raises(Exception, match="not complete yet"):
            await history.page(Wanted())
        store.away = False
        assert said(await until_at(history, await last(bus))) == {"one"}


async def test_one_process_at_a_time(tmp_path: Path, store: MemoryStore, bus: Bus) -> None:
    await call(store, bus, "one")
    async with kept(tmp_path, store, bus) as first:
        await until_at(first, await last(bus))
        async with kept(tmp_path, store, bus) as second:
            await until_health(second, "degraded", "another process")
    async with kept(tmp_path, store, bus) as third:
        assert said(await until_at(third, await last(bus))) == {"one"}
