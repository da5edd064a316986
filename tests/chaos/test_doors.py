"""Every door by which the producer sends leads to the recording that a clip must become."""

from pathlib import Path

import pytest

from shared.memory_bus import MemoryBus
from shared.memory_store import MemoryStore
from tests.chaos.clips import Clip, Studio
from tests.chaos.door import ACCEPTED, Door, House
from tests.chaos.doors import DOORS
from tests.support.ingest import serving, until


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> tuple[Clip, Clip]:
    """One that the recorders' doors take, and one that is no call."""
    studio = Studio(tmp_path_factory.mktemp("clips"), 1)
    made = [studio.short() for _ in range(12)]
    return next(c for c in made if c.is_call), next(c for c in made if not c.is_call)


@pytest.mark.parametrize("door", DOORS, ids=lambda door: door.name)
async def test_a_clip_becomes_its_recording(
    tmp_path: Path, clips: tuple[Clip, Clip], door: Door
) -> None:
    store, bus = MemoryStore(), MemoryBus()
    async with serving(tmp_path, store, bus) as ingest:
        house = House(ingest.http, ingest.url, bus, store)
        for clip in clips:
            answer = await door.send(house, clip, words=False)
            assert (answer.status, answer.id) == (ACCEPTED, clip.recording)
        await until(lambda: len(list(ingest.spool.held)) == len(clips))
        found = {held.entry.recording.id: held.entry.recording for held in ingest.spool.held}
    for clip in clips:
        kept = found[clip.recording]
        assert (kept.source, kept.channel, kept.start) == (clip.source, clip.channel, clip.start)
    # A recorder's door was not gone around.
    call = found[clips[0].recording]
    assert ("talkgroup" in call.metadata) is (type(door).__name__ == "RecorderDoor")
