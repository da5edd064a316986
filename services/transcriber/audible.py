"""Where a recording holds any sound at all: what is looked at before speech is looked for."""

import numpy as np

from services.transcriber.chunks import RATE, Span
from services.transcriber.samples import Samples

QUIET = 8 / 32_768
"""Amplitude that no sound stays below: -72 dB, above what codecs make of digital silence."""
STEP = RATE
"""Samples that are asked together whether they hold a sound."""
MARGIN = 5
"""Steps of silence that are left on each side of a sound, for the detector to hear it begin."""


def audible(samples: Samples) -> list[Span]:
    """The stretches that are left when the middle of every long silence is taken out."""
    edges = range(0, len(samples), STEP)
    peaks = np.array([np.abs(samples[edge : edge + STEP]).max() for edge in edges])
    loud = np.flatnonzero(peaks > QUIET)
    runs = np.split(loud, np.flatnonzero(np.diff(loud) - 1 > 2 * MARGIN) + 1)
    return [_around(int(run[0]), int(run[-1]), len(samples)) for run in runs if run.size]


def _around(first: int, last: int, total: int) -> Span:
    return Span(max(0, first - MARGIN) * STEP, min(total, (last + 1 + MARGIN) * STEP))
