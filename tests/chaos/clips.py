"""The recordings that are sent: made from the bundled samples, each another file.

Short calls with more or less silence around them, at another volume or in another format; long
ones of several calls with pauses between; and large files of little speech, which fill a spool.
"""

import io
import random
import wave
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path

import numpy as np
import numpy.typing as npt

from deploy.local.samples import samples
from services.transcriber.audio import pcm
from shared import media
from shared.identity import recording_id
from tests.support.audio_files import reencode
from tests.support.watching import with_list

RATE = 16_000
CONVERSATION = "conversation.ogg"
FORMATS = ("wav", "wav", "flac", "mp3", "m4a", "opus", "webm")
SOURCES = ("north-county", "south county / VHF")
CHANNELS = ("fire", "police", "ambulance 2")
RADIO = "11"
TALKGROUPS = ("54241", "54243")
"""Of calls: their system and talkgroups have numbers, as the recorders' doors want them."""
START = datetime(2026, 3, 1, 12, tzinfo=UTC)
TAGS = {"site": "Hill", "frequency": "851012500", "unit": "557978"}
"""What SDRTrunk says of each of its calls."""

Pcm = npt.NDArray[np.int16]


@dataclass(frozen=True)
class Clip:
    """One recording, ready to be sent."""

    path: Path
    source: str
    channel: str
    start: datetime | None
    sha256: str
    seconds: float
    """Its length."""
    size: int = 0
    """Bytes."""
    is_tagged: bool = False
    """Whether its tags tell of the call, as SDRTrunk's do."""

    @property
    def is_call(self) -> bool:
        """Whether the recorders' doors can take it."""
        return self.source == RADIO and self.start is not None

    @property
    def recording(self) -> str:
        """The id that it must be given."""
        return recording_id(self.source, self.channel, self.start, self.sha256)


class Studio:
    """Makes clips in a folder, the same ones for the same seed."""

    def __init__(self, folder: Path, seed: int) -> None:
        self._folder = folder
        self._chance = random.Random(f"clips {seed}")
        self._noise = np.random.default_rng(seed)
        self._calls = _calls()
        self._count = 0

    def short(self) -> Clip:
        """One call."""
        return self._save(self._call(), self._chance.choice(FORMATS))

    def long(self, seconds: float) -> Clip:
        """Calls with pauses between them, for so many seconds at least."""
        parts: list[Pcm] = []
        while sum(map(len, parts)) < seconds * RATE:
            parts += [self._call(), self._quiet(self._chance.uniform(0.6, 1.5))]
        return self._save(np.concatenate(parts), "wav")

    def bulky(self, seconds: float) -> Clip:
        """A call after a long silence: many bytes, and little work."""
        return self._save(np.concatenate([self._quiet(seconds), self._call()]), "wav")

    def _call(self) -> Pcm:
        name = self._chance.choice(sorted(self._calls))
        gain = self._chance.uniform(0.6, 1.0)
        loud = (self._calls[name] * gain).astype(np.int16)
        before, after = (self._quiet(self._chance.uniform(0, 0.4)) for _ in range(2))
        return np.concatenate([before, loud, after])

    def _quiet(self, seconds: float) -> Pcm:
        # Not digital silence, so that no two files are the same.
        return self._noise.integers(-3, 4, round(seconds * RATE), np.int16)

    def _save(self, pcm: Pcm, kind: str) -> Clip:
        self._count += 1
        path = self._folder / f"{self._count:04}.{kind}"
        is_call = self._chance.random() < 0.5
        has_start = is_call or self._chance.random() < 0.5
        start = START + timedelta(seconds=self._count) if has_start else None
        channel = self._chance.choice(TALKGROUPS if is_call else CHANNELS)
        seconds = len(pcm) / RATE
        is_tagged = is_call and start is not None and kind == "wav" and self._chance.random() < 0.5
        wav = _wav(pcm)
        if is_tagged and start is not None:
            wav = _tagged(wav, channel, start + timedelta(milliseconds=round(seconds * 1000)))
        path.write_bytes(wav)
        if kind != "wav":
            original = path.rename(path.with_suffix(".wav"))
            reencode(original, path, kind)
            original.unlink()
        return Clip(
            path=path,
            source=RADIO if is_call else self._chance.choice(SOURCES),
            channel=channel,
            start=start,
            sha256=sha256(path.read_bytes()).hexdigest(),
            seconds=seconds,
            size=path.stat().st_size,
            is_tagged=is_tagged,
        )


def unique(clips: Sequence[Clip]) -> Mapping[str, Clip]:
    """The clips by their recording's id. Raises ValueError if two are the same recording."""
    found = {clip.recording: clip for clip in clips}
    if len(found) != len(clips):
        raise ValueError("two clips are the same recording")
    return found


def _tagged(wav: bytes, channel: str, ended: datetime) -> bytes:
    """A wav with what SDRTrunk says of a call in it, which was written when the call ended."""
    date = ended.strftime("%Y-%m-%d %H:%M:%S.%f")[:-3]
    comment = (
        f"Date:{date};System:{RADIO};Site:{TAGS['site']};Decoder:P25 Phase 1;"
        f"Frequency:{TAGS['frequency']};"
    )
    said = {"IART": TAGS["unit"], "ISBJ": RADIO, "INAM": channel, "ICMT": comment, "ICRD": date}
    return with_list(wav, said, {"TPE1": TAGS["unit"], "TIT2": channel, "COMM": comment})


def _calls() -> dict[str, Pcm]:
    return {s.file: _pcm(s.path) for s in samples() if s.file != CONVERSATION}


def _pcm(path: Path) -> Pcm:
    return np.concatenate([pcm(frame) for frame in media.frames(path, RATE)])


def _wav(pcm: Pcm) -> bytes:
    made = io.BytesIO()
    with wave.open(made, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(pcm.tobytes())
    return made.getvalue()
