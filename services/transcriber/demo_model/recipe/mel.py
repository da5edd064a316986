"""Mel power spectra as faster-whisper makes them, before and after the logarithm.

Sounds that are heard together nearly add up in power, so that windows of many sounds can be put
together from spectra that were computed once.
"""

from functools import cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from services.transcriber.demo_model.recipe.espeak import RATE, Samples

BANDS: Final = 80
HOP: Final = 160
"""Samples from frame to frame."""
_FFT: Final = 400
_FLOOR: Final = 1e-10
_RANGE: Final = 8.0
"""Decades under the loudest that still count."""

Power = NDArray[np.float32]
"""Frames by bands."""
Features = NDArray[np.float32]
"""Frames by bands, scaled as Whisper wants them."""


def power(samples: Samples) -> Power:
    """The mel power of a sound: a frame for every HOP samples."""
    padded = np.pad(np.pad(samples, (0, HOP)), _FFT // 2, mode="reflect")
    count = 1 + (len(padded) - _FFT) // HOP
    frames = np.lib.stride_tricks.sliding_window_view(padded, _FFT)[::HOP][: count - 1]
    window = np.hanning(_FFT + 1)[:-1].astype(np.float32)
    spectrum = np.abs(np.fft.rfft(frames * window)).astype(np.float32) ** 2
    return spectrum @ filters().T


def features(found: Power, headroom: float = 0.0) -> Features:
    """Whisper's features; the recording is louder elsewhere by `headroom` decades."""
    log = np.log10(np.maximum(found, _FLOOR))
    log = np.maximum(log, log.max() + headroom - _RANGE)
    return ((log + 4) / 4).astype(np.float32)


def energy(found: Power) -> NDArray[np.float32]:
    """What each frame's sound holds, nearly its mean square times a constant."""
    return found @ _widths()


def centers() -> NDArray[np.float64]:
    """The bands' middle frequencies, in hertz."""
    return _edges()[1:-1]


@cache
def filters() -> NDArray[np.float32]:
    """Slaney's mel filters: bands by bins of the spectrum."""
    edges = _edges()
    bins = np.fft.rfftfreq(_FFT, 1 / RATE)
    ramps = edges.reshape(-1, 1) - bins
    widths = np.diff(edges)
    up = -ramps[:-2] / widths[:-1, None]
    down = ramps[2:] / widths[1:, None]
    shape = np.maximum(0, np.minimum(up, down))
    return (shape * (2 / (edges[2:] - edges[:-2]))[:, None]).astype(np.float32)


@cache
def _widths() -> NDArray[np.float32]:
    edges = _edges()
    return ((edges[2:] - edges[:-2]) / 2).astype(np.float32)


@cache
def _edges() -> NDArray[np.float64]:
    mels = np.linspace(0, 45.245640471924965, BANDS + 2)
    linear = 200 / 3 * mels
    return np.where(mels < 15, linear, 1000 * np.exp(np.log(6.4) / 27 * (mels - 15)))
