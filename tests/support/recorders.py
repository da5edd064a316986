"""trunk-recorder and SDRTrunk, as the folders see them that they write into."""

import json
import wave
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from itertools import cycle
from pathlib import Path

import numpy as np

from deploy.local.samples import samples
from shared import media
from shared.identity import recording_id
from shared.messages import Recording
from tests.support.audio_files import reencode
from tests.support.watching import META

BEGAN = datetime(2026, 3, 1, 12, tzinfo=UTC)
RATE = 16_000
_PIECES = 3
"""Writes by which a file comes: none of them has another name first."""


@dataclass(frozen=True)
class Written:
    """One call: its files, in the order in which they are written, and what must come of it."""

    stem: str
    files: tuple[tuple[str, bytes], ...]
    """Paths within the folder."""
    source: str
    channel: str
    start: datetime
    metadata: dict[str, object]
    """Some of it."""

    def pieces(self, folder: Path) -> Iterator[None]:
        """Write it, a piece at a time."""
        for name, content in self.files:
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            size = len(content) // _PIECES + 1
            with path.open("wb") as file:
                for at in range(0, len(content), size):
                    file.write(content[at : at + size])
                    file.flush()
                    yield

    def faults(self, recording: Recording) -> list[str]:
        """What is wrong with the recording that came of it."""
        ids = {
            recording_id(self.source, self.channel, self.start, sha256(content).hexdigest())
            for name, content in self.files
            if not name.endswith(".json")
        }
        found = {
            "id": recording.id in ids,
            "source": recording.source == self.source,
            "channel": recording.channel == self.channel,
            "start": recording.start == self.start,
            **{k: recording.metadata.get(k) == v for k, v in self.metadata.items()},
        }
        return [f"{self.stem}: {name}" for name, right in found.items() if not right]


def recorded(folder: Path, count: int) -> list[Written]:
    """So many calls of the two, in turn; `folder` is for what is needed to make them."""
    clips = _clips(folder)
    makers = cycle((_trunk_recorder, _sdrtrunk_mp3, _trunk_recorder_m4a, _sdrtrunk_wav))
    return [
        make(n, clip, folder) for n, clip, make in zip(range(count), clips, makers, strict=False)
    ]


def _clips(folder: Path) -> Iterator[Path]:
    """Short pieces of the samples, each another one, as wav files."""
    calls = [
        np.concatenate([frame.to_ndarray()[0] for frame in media.frames(sample.path, RATE)])
        for sample in samples()
    ]
    path = folder / "clip.wav"
    for n, call in enumerate(cycle(calls)):
        loud = (np.clip(call[: round(1.1 * RATE)], -1, 1) * (32_000 - 50 * n)).astype(np.int16)
        _write_wav(path, loud.tobytes())
        yield path


def _write_wav(path: Path, pcm: bytes) -> None:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(pcm)


def _trunk_recorder(
    n: int, clip: Path, folder: Path, suffixes: tuple[str, ...] = ("wav",)
) -> Written:
    start = BEGAN + timedelta(seconds=n)
    talkgroup, unit = 54_000 + n, 1_700 + n
    stem = f"{talkgroup}-{int(start.timestamp())}_851012500.0-call_{n}"
    meta = {
        **META,
        "talkgroup": talkgroup,
        "talkgroup_tag": f"FD {n} Über",
        "start_time": int(start.timestamp()),
        "start_time_ms": int(start.timestamp()) * 1000 + 250,
        "srcList": [{"src": unit, "time": int(start.timestamp()), "pos": 0.0, "tag": f"Unit {n}"}],
    }
    place = f"county/{start.year}/{start.month}/{start.day}/{stem}"
    audio = [
        (f"{place}.{each}", reencode(clip, folder / f"made.{each}", each).read_bytes())
        for each in suffixes
    ]
    return Written(
        stem=stem,
        files=((f"{place}.json", json.dumps(meta).encode()), *audio),
        source="county",
        channel=str(talkgroup),
        start=start,
        metadata={
            "talkgroup_label": f"FD {n} Über",
            "unit": unit,
            "unit_label": f"Unit {n}",
            "frequency": 851012500,
        },
    )


def _trunk_recorder_m4a(n: int, clip: Path, folder: Path) -> Written:
    return _trunk_recorder(n, clip, folder, ("wav", "m4a"))


def _sdrtrunk(n: int, clip: Path, folder: Path, kind: str) -> Written:
    written = BEGAN + timedelta(hours=1, seconds=n, milliseconds=n)
    talkgroup, unit = 33_000 + n, 557_000 + n
    date = written.strftime("%Y-%m-%d %H:%M:%S.") + f"{n:03}"
    tags = {
        "title": f'{talkgroup}"PD {n}","Police"',
        "artist": f"{unit} Car {n}",
        "album": "TRAFFIC",
        "comment": f"Date:{date};System:MN ARMER;Site:McLeod;Name:TRAFFIC;Decoder:P25 Phase 1;"
        "Frequency:852000000;",
    }
    path = reencode(clip, folder / f"made.{kind}", kind, tags)
    stem = f"{written:%Y%m%d_%H%M%S}MN_ARMER_McLeod_TRAFFIC__TO_{talkgroup}_FROM_{unit}"
    return Written(
        stem=stem,
        files=((f"{stem}.{kind}", path.read_bytes()),),
        source="MN ARMER",
        channel=str(talkgroup),
        start=written - timedelta(milliseconds=round(media.probe(path).duration * 1000)),
        metadata={
            "talkgroup_label": f"PD {n}",
            "unit": unit,
            "unit_label": f"Car {n}",
            "site": "McLeod",
            "frequency": 852000000,
        },
    )


def _sdrtrunk_mp3(n: int, clip: Path, folder: Path) -> Written:
    return _sdrtrunk(n, clip, folder, "mp3")


def _sdrtrunk_wav(n: int, clip: Path, folder: Path) -> Written:
    return _sdrtrunk(n, clip, folder, "wav")
