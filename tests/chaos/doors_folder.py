"""Files that recorders write into the watched folder: a file that was written counts as accepted.

They are written in place, a piece at a time, as recorders do, and stay for whenever ingest looks.
"""

import asyncio
import os
import time
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import msgspec

from shared.messages import Metadata
from tests.chaos.clips import RADIO, TAGS, Clip
from tests.chaos.door import ACCEPTED, Answer, House, as_talkgroup

SETTLE = 1.5
"""Seconds for which a file must not change before ingest reads it."""
_PIECES = 3
_PAUSE = 0.05
_FREQUENCY = 851_012_500
_UNIT = 1701


@dataclass(frozen=True)
class TrunkRecorderFiles:
    """A call's audio after its JSON."""

    name: str = "trunk-recorder's files"
    waits: bool = False

    def takes(self, clip: Clip, *, words: bool) -> bool:
        """See `Door.takes`."""
        return clip.is_call and not words and clip.path.suffix in (".wav", ".m4a", ".mp3")

    def metadata(self, clip: Clip) -> Metadata:
        """See `Door.metadata`."""
        return {
            **as_talkgroup(clip),
            "system_label": RADIO,
            "frequency": _FREQUENCY,
            "unit": _UNIT,
            "unit_label": "Engine 7",
        }

    async def send(self, house: House, clip: Clip, *, words: bool) -> Answer:
        """See `Door.send`."""
        assert clip.start is not None
        assert not words
        start = int(clip.start.timestamp())
        stem = f"{clip.channel}-{start}.250_{_FREQUENCY}.0-call_{clip.path.stem}"
        place = house.folder / RADIO / f"{clip.start:%Y/%-m/%-d}" / stem
        said = {
            "freq": _FREQUENCY,
            "start_time": start,
            "start_time_ms": start * 1000 + 250,
            "encrypted": 0,
            "emergency": 0,
            "call_length": round(clip.seconds),
            "talkgroup": int(clip.channel),
            "short_name": RADIO,
            "srcList": [{"src": _UNIT, "time": start, "pos": 0.0, "tag": "Engine 7"}],
        }
        await asyncio.to_thread(_write, Path(f"{place}.json"), msgspec.json.encode(said))
        return await _written(Path(f"{place}{clip.path.suffix}"), clip)


@dataclass(frozen=True)
class SdrtrunkFile:
    """A call whose tags tell of it, under SDRTrunk's name."""

    name: str = "SDRTrunk's file"
    waits: bool = False

    def takes(self, clip: Clip, *, words: bool) -> bool:
        """See `Door.takes`."""
        return clip.is_tagged and not words

    def metadata(self, clip: Clip) -> Metadata:
        """See `Door.metadata`."""
        return {
            **as_talkgroup(clip),
            "system_label": RADIO,
            "site": TAGS["site"],
            "frequency": int(TAGS["frequency"]),
            "unit": int(TAGS["unit"]),
        }

    async def send(self, house: House, clip: Clip, *, words: bool) -> Answer:
        """See `Door.send`."""
        assert clip.start is not None
        assert not words
        ended = clip.start + timedelta(seconds=clip.seconds)
        # Two may end in one second.
        name = (
            f"{ended:%Y%m%d_%H%M%S}_{RADIO}_{TAGS['site']}_{clip.path.stem}"
            f"__TO_{clip.channel}_FROM_{TAGS['unit']}.wav"
        )
        return await _written(house.folder / name, clip)


@dataclass(frozen=True)
class PlainFile:
    """A file of which only its place tells anything."""

    name: str = "plain file"
    waits: bool = False

    def takes(self, clip: Clip, *, words: bool) -> bool:
        """See `Door.takes`."""
        return clip.start is None and not words and "/" not in f"{clip.source}{clip.channel}"

    def metadata(self, clip: Clip) -> Metadata:
        """See `Door.metadata`."""
        del clip
        return {}

    async def send(self, house: House, clip: Clip, *, words: bool) -> Answer:
        """See `Door.send`."""
        assert not words
        return await _written(house.folder / clip.source / clip.channel / clip.path.name, clip)


async def _written(path: Path, clip: Clip) -> Answer:
    await asyncio.to_thread(_write, path, clip.path.read_bytes())
    return Answer(ACCEPTED, clip.recording)


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    size = len(content) // _PIECES + 1
    with path.open("wb") as file:
        for at in range(0, len(content), size):
            file.write(content[at : at + size])
            file.flush()
            time.sleep(_PAUSE)
        os.fsync(file.fileno())
