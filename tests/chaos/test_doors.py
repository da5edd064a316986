"""Every door by which the producer sends leads to the recording that a clip must become."""

from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from shared.memory_bus import MemoryBus
from shared.memory_store import MemoryStore
from shared.messages import Recording
from tests.chaos.clips import Clip, Studio
from tests.chaos.door import ACCEPTED, NOT_YET, Door, House
from tests.chaos.doors import DOORS, WATCHED, way
from tests.chaos.doors_waiting import WaitDoor
from tests.support.ingest import serving, until
from tests.support.watching import watching, world

CLIPS = 24
LONGEST_WAIT = 0.5


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> list[Clip]:
    """Some of each kind."""
    studio = Studio(tmp_path_factory.mktemp("clips"), 1)
    return [studio.short() for _ in range(CLIPS)]


def some(door: Door, clips: list[Clip]) -> list[Clip]:
    """A call that the door takes, and another clip, if it takes both."""
    takes = [clip for clip in clips if door.takes(clip, words=False)]
    kinds = {clip.is_call: clip for clip in takes}
    assert kinds, "a door for nothing"
    return list(kinds.values())


def check(door: Door, clip: Clip, kept: Recording) -> None:
    assert (kept.source, kept.channel, kept.start) == (clip.source, clip.channel, clip.start)
    assert {name: kept.metadata.get(name) for name in door.metadata(clip)} == door.metadata(clip)


@pytest.mark.parametrize("door", [d for d in DOORS if d not in WATCHED], ids=lambda door: door.name)
async def test_a_clip_becomes_its_recording(tmp_path: Path, clips: list[Clip], door: Door) -> None:
    store, bus = MemoryStore(), MemoryBus()
    sent = clips[:1] if door.name == "order of a version" else some(door, clips)
    if isinstance(door, WaitDoor):
        door = replace(door, longest=LONGEST_WAIT)
    async with serving(tmp_path / "spool", store, bus, longest_wait=LONGEST_WAIT) as ingest:
        house = House(ingest.http, ingest.url, bus, store, tmp_path / "calls")
        for clip in sent:
            used = way(door, clip, words=False)
            answer = await used.send(house, clip, words=False)
            # Nobody transcribes here: who waits is told where the recording is.
            status = NOT_YET if door.waits else ACCEPTED
            assert (answer.status, answer.id, answer.wrong) == (status, clip.recording, "")
        await until(lambda: len(list(ingest.spool.held)) == len(sent))
        found = {held.entry.recording.id: held.entry.recording for held in ingest.spool.held}
    for clip in sent:
        check(way(door, clip, words=False), clip, found[clip.recording])


@pytest.mark.parametrize("door", WATCHED, ids=lambda door: door.name)
async def test_a_file_becomes_its_recording(tmp_path: Path, clips: list[Clip], door: Door) -> None:
    place = world(tmp_path)
    async with watching(place) as life, httpx.AsyncClient() as http:
        house = House(http, "", place.bus, place.store, place.folder)
        sent = some(door, clips)
        for clip in sent:
            # Written twice, it is the same one.
            for _ in range(2):
                answer = await door.send(house, clip, words=False)
                assert (answer.status, answer.id) == (ACCEPTED, clip.recording)
        found = {each.id: each for each in await life.taken(len(sent))}
    for clip in sent:
        check(door, clip, found[clip.recording])
