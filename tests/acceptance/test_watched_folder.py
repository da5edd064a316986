"""Two recorders write into the watched folder while ingest is killed and ended: every call is
transcribed once, and as what it is."""

import asyncio
import signal
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pytest

from shared import object_keys
from shared.messages import Completed, Queued, Recording, Refused, decode
from shared.nats_bus import NatsBus
from shared.nats_link import Link
from shared.object_store import ObjectStore
from shared.s3_store import S3Store
from tests.chaos.evidence import EventLog, waiting_entries
from tests.chaos.stack import GRACE, SERVERS, TRANSCRIBERS, Stack
from tests.chaos.waiting import until, within
from tests.support.ingest import files
from tests.support.recorders import Written, recorded

pytestmark = pytest.mark.stack
CALLS = 200
LIVES = 6
"""Of ingest; every second one is ended politely, the others are killed."""
PIECE = 0.005
"""Seconds between two pieces that are written."""
PATIENCE = 150.0
TAKEN = "taken from the watched folder"


async def write(calls: Sequence[Written], folder: Path) -> None:
    """Both recorders at once."""

    async def one(of: Sequence[Written]) -> None:
        for call in of:
            for _ in call.pieces(folder):
                await asyncio.sleep(PIECE)

    await asyncio.gather(one(calls[::2]), one(calls[1::2]))


async def disturb(stack: Stack) -> None:
    """End ingest whenever it has just begun to take files, and start it again."""
    process = stack.process("ingest")
    for life in range(1, LIVES):
        before = count_taken(stack)

        async def has_taken(before: int = before) -> bool:
            return count_taken(stack) > before

        await until(has_taken, f"a file in life {life}", PATIENCE)
        process.signal(signal.SIGTERM if life % 2 else signal.SIGKILL)
        assert await within(lambda: not process.alive, GRACE)
        assert process.exit_code == (0 if life % 2 else -signal.SIGKILL)
        await stack.start("ingest")


def count_taken(stack: Stack) -> int:
    return stack.log("ingest").read_text().count(TAKEN)


async def records(store: ObjectStore) -> list[Recording]:
    """Every recording of the store."""
    keys = [object_keys.record(id) async for id in store.folders(object_keys.RECORDINGS)]
    return [decode(await store.get(key), Recording) for key in keys]


async def test_every_call_is_transcribed_once_and_as_what_it_is(tmp_path: Path) -> None:
    made, watched = tmp_path / "made", tmp_path / "calls"
    made.mkdir()
    watched.mkdir()
    calls = await asyncio.to_thread(recorded, made, CALLS)
    stack = Stack(
        tmp_path,
        CALL_WATCH_PATH=str(watched),
        CALL_WATCH_TIMEZONE="UTC",
        ECHOBASE_WATCH_SETTLE="0.5",
        ECHOBASE_WATCH_RESCAN="1",
    )
    link = Link(stack.nats_settings, "test")
    try:
        await stack.start(*SERVERS)
        await stack.start("ingest", TRANSCRIBERS[0])
        await link.open()
        log = EventLog(NatsBus(link))
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(write(calls, watched))
            tasks.create_task(disturb(stack))

        async def all_ended() -> bool:
            await log.update()
            return len(log.ended()) >= CALLS and not waiting_entries(stack.spool)

        await until(all_ended, "the last transcript", PATIENCE)
        store = S3Store(stack.store_settings)
        found = await records(store)
        await store.close()
    finally:
        await link.close()
        stack.end()
    by_stem = {Path(recording.filename or "").stem: recording for recording in found}
    assert len(found) == CALLS
    assert set(by_stem) == {call.stem for call in calls}
    assert [fault for call in calls for fault in call.faults(by_stem[call.stem])] == []
    ids = {recording.id: recording for recording in found}
    events = [each.event for each in log.events if not isinstance(each.event, Refused)]
    assert len(events) == len(log.events)
    for kind in (Queued, Completed):
        count = Counter((e.recording, e.version) for e in events if isinstance(e, kind))
        assert count == Counter({(id, 1): 1 for id in ids})
    assert {e.version for e in events if e.recording in ids} == {1}
    for event in events:
        assert event.metadata == ids[event.recording].metadata
    assert files(watched) == sorted(name for call in calls for name, _ in call.files)
