"""Squelch tails: the burst of noise between a carrier's end and the squelch's closing.

An FM receiver hisses there for some 50 to 500 ms, as loud as speech or louder. The voice detector
takes it for the end of the word before, or leaves it in the padding; a model hears words in it.
Wiener's entropy ("spectral flatness", Gray and Markel 1974) tells it from speech: near 0.56 for the
spectrum of noise, below 0.3 for voices; what it calls flat in speech, such as an s, is quieter than
the rest of the call in the band that radios pass.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from services.transcriber.chunks import RATE
from services.transcriber.samples import Samples

FRAME = 320
"""Samples; 20 ms."""
_BAND = (300.0, 3400.0)
"""Hertz."""
_VOICED, _FLAT = 0.25, 0.35
_LOUD, _QUIET = 0.25, 0.15
"""Of the speech's level."""
_OVER = 3.0
"""Times the level of what is quietest: noise that is there all the time is no tail."""
_LONGEST = 30
"""Frames; noise that lasts longer is no tail."""
_SHORTEST = 2
_AFTER = 4
"""Quiet frames that follow a tail, or the end."""


def without_tails(samples: Samples) -> Samples:
    """The same samples, with silence in place of squelch tails."""
    count = len(samples) // FRAME
    if not count:
        return samples
    found = samples
    for first, end in _tails(*_look(samples[: count * FRAME].reshape(count, FRAME))):
        if found is samples:
            found = samples.copy()
        # What is left of a frame after the last one belongs to it.
        found[first * FRAME : end * FRAME if end < count else None] = 0
    return found


def _look(frames: NDArray[np.float32]) -> tuple[NDArray[np.floating], NDArray[np.floating]]:
    """Level and flatness of each frame, in the band of radios."""
    spectrum = np.fft.rfft(frames * np.hanning(FRAME).astype(np.float32))
    low, high = (round(edge * FRAME / RATE) for edge in _BAND)
    power = np.abs(spectrum[:, low:high]) ** 2 + 1e-12
    mean = power.mean(1)
    return np.sqrt(mean), np.exp(np.log(power).mean(1)) / mean


def _tails(level: NDArray[np.floating], flat: NDArray[np.floating]) -> Iterator[tuple[int, int]]:
    """First frame and end of each."""
    voiced = level[(flat < _VOICED) & (level > _QUIET * level.max())]
    if not voiced.size:
        return
    speech = float(np.percentile(voiced, 75))
    floor = float(np.percentile(level, 10))
    noisy = (flat > _FLAT) & (level > max(_LOUD * speech, _OVER * floor))
    quiet = level < _QUIET * speech
    end = len(level)
    edges = np.flatnonzero(np.diff(np.concatenate([[0], noisy.astype(np.int8), [0]])))
    for first, last in edges.reshape(-1, 2):
        followed = quiet[last : last + _AFTER]
        if _SHORTEST <= last - first <= _LONGEST and (last == end or followed.all()):
            yield int(first), int(last)
