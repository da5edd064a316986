"""What is looked for after an erasure spares what was sent anew meanwhile."""

from collections.abc import AsyncGenerator, Sequence
from datetime import timedelta
from pathlib import Path

import pytest

from services.ingest.delivery import Delivery, store_audio
from services.ingest.scrub import sweep
from shared import object_keys
from shared.bus import StoredMessage
from shared.erasure import Tombstone
from shared.memory_bus import MemoryBus
from shared.memory_store import MemoryStore
from shared.topology import DEAD, EVENTS, JOBS, SUBMIT, topology
from tests.support.ingest import NOON, entry, events, jobs

ENTRY = entry(b"words")
ID = ENTRY.recording.id
STONE = Tombstone(recording=ID, time=NOON - timedelta(hours=1), reason="request")


class Busy(MemoryBus):
    """A bus on which the recording is forwarded anew just before a stream is read."""

    def __init__(self, store: MemoryStore, audio: Path, before: str) -> None:
        super().__init__()
        self._store, self._audio, self._before = store, audio, before

    async def read(
        self, stream: str, subjects: Sequence[str], start: int = 1
    ) -> AsyncGenerator[Sequence[StoredMessage]]:
        if stream == self._before:
            self._before = ""
            claimed = await store_audio(self._store, ENTRY, self._audio, anew=True)
            await Delivery(self._store, self).publish(ENTRY, claimed, anew=True)
        async for batch in super().read(stream, subjects, start):
            yield batch


@pytest.mark.parametrize("before", [SUBMIT.name, JOBS.name, DEAD.name, EVENTS.name])
async def test_what_is_sent_anew_meanwhile_is_spared(tmp_path: Path, before: str) -> None:
    store, audio = MemoryStore(), tmp_path / "audio"
    audio.write_bytes(b"words")
    bus = Busy(store, audio, before)
    await bus.ensure(topology())
    assert await sweep(store, bus, STONE) == 0
    assert {ENTRY.recording.audio, object_keys.record(ID)} <= set(store.objects)
    assert (len(await jobs(bus)), len(await events(bus))) == (1, 1)


async def test_what_came_late_goes(tmp_path: Path) -> None:
    store = MemoryStore()
    bus = Busy(store, tmp_path, "")
    await bus.ensure(topology())
    await store.put(object_keys.transcript(ID, 1), b"{}")
    assert await sweep(store, bus, STONE) == 1
    assert store.objects == {}
