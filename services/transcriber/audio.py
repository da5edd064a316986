"""A recording's samples: decoded once into a file, read a chunk at a time.

Four hours at 16 kHz are 920 MB as 32-bit floats. As 16-bit integers in a temporary file they are
460 MB of page cache, of which the process holds no more than it looks at: memory stays flat
whatever a recording's length. 16 bits are what faster-whisper's own decoder keeps, too.
"""

from pathlib import Path
from typing import cast

import numpy as np
from av.audio.frame import AudioFrame
from numpy.typing import NDArray

from services.transcriber.chunks import RATE, Span
from services.transcriber.samples import Samples
from shared import media
from shared.errors import NotAudio

LONGEST = 24 * 3600
"""Seconds; ingest refuses long before, but a file's header may lie to it."""
_SCALE = 32_768.0


class Audio:
    """The samples of one recording, in a file."""

    def __init__(self, file: Path) -> None:
        """`file` holds 16-bit mono samples at 16 kHz, in the machine's byte order."""
        self._file = file
        self.total = file.stat().st_size // 2
        """Samples."""

    @property
    def duration(self) -> float:
        """Seconds."""
        return self.total / RATE

    def read(self, span: Span) -> Samples:
        """The samples of a stretch."""
        raw = np.fromfile(self._file, np.int16, span.length, offset=2 * span.start)
        return raw.astype(np.float32) / np.float32(_SCALE)


def decode(source: Path, target: Path) -> Audio:
    """Write the samples of an audio file to `target`; slow, for a thread.

    Raises NotAudio if the file is in no container that we accept, or nothing of it decodes.
    """
    total = 0
    with target.open("wb") as file:
        for frame in media.frames(source, RATE):
            samples = pcm(frame)
            file.write(samples.data)
            total += samples.size
            if total > LONGEST * RATE:
                raise NotAudio(
                    f"the audio lasts longer than {LONGEST} seconds", field="file", limit="24 h"
                )
    if not total:
        raise NotAudio("none of the audio can be decoded", field="file")
    return Audio(target)


def pcm(frame: AudioFrame) -> NDArray[np.int16]:
    """The samples of a mono frame of floats (`flt`) or 16-bit integers (`s16`)."""
    # PyAV's own `to_ndarray` copies three times.
    raw = bytes(cast(memoryview, frame.planes[0]))
    if frame.format.name == "s16":
        return np.frombuffer(raw, np.int16, frame.samples)
    # Floats in a file may be anything, also no numbers at all, which as integers would be something
    # else on every machine.
    samples = np.nan_to_num(np.frombuffer(raw, np.float32, frame.samples))
    scaled = samples.clip(-1.0, 1.0 - 1.0 / _SCALE) * np.float32(_SCALE)
    return np.rint(scaled).astype(np.int16)
