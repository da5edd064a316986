"""What a radio does to sound: band-pass, tilt, clipping, noise."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from services.transcriber.demo_model.recipe.espeak import RATE, Samples

Random = np.random.Generator


@dataclass(frozen=True)
class Band:
    """A band-pass with slopes, and a tilt inside."""

    low: float
    """Hertz."""
    high: float
    """Hertz."""
    low_order: float
    high_order: float
    tilt: float
    """Decibels an octave."""

    def gain(self, frequency: NDArray[np.floating]) -> NDArray[np.floating]:
        """What is left of an amplitude."""
        heard = np.maximum(frequency, 20.0)
        low = 1 / (1 + (self.low / heard) ** self.low_order)
        high = 1 / (1 + (heard / self.high) ** self.high_order)
        return low * high * (heard / 1000) ** (self.tilt / 6.02)

    def apply(self, samples: Samples) -> Samples:
        """The sound behind the band-pass."""
        spectrum = np.fft.rfft(samples)
        frequency = np.fft.rfftfreq(len(samples), 1 / RATE)
        return np.fft.irfft(spectrum * self.gain(frequency), len(samples)).astype(np.float32)


RADIO = Band(250, 3600, 6, 12, 0)
"""A narrow-band FM radio, as the bundled samples have it."""
_WIDE = (20.0, 12_000.0, 2.0, 2.0)


def any_band(random: Random) -> Band:
    """A radio's band, more often than not; else nearly everything."""
    if random.random() < 0.2:
        return Band(*_WIDE, float(random.uniform(-3, 3)))
    return Band(
        float(random.uniform(120, 450)),
        float(random.uniform(2700, 4500)),
        float(random.uniform(2, 8)),
        float(random.uniform(4, 14)),
        float(random.uniform(-3, 4)),
    )


def loudness(samples: Samples, speech: Samples | None = None) -> float:
    """Root mean square where there is sound."""
    heard = np.abs(samples if speech is None else speech) > 0.01
    chosen = samples[heard] if heard.any() else samples
    return float(np.sqrt(np.mean(chosen**2)) + 1e-9)


def clip(samples: Samples, drive: float) -> Samples:
    """Soft clipping, harder the greater the drive; the loudness stays 0.1."""
    level = loudness(samples)
    bent = np.tanh(samples / level * drive) if drive > 0 else samples
    return (bent * (0.1 / loudness(bent.astype(np.float32), samples))).astype(np.float32)


def with_noise(speech: Samples, snr: float, random: Random) -> Samples:
    """Noise in the radio's band, so many decibels under the speech."""
    noise = RADIO.apply(random.standard_normal(len(speech)).astype(np.float32))
    wanted = loudness(speech) / 10 ** (snr / 20)
    return (speech + noise * (wanted / float(np.sqrt(np.mean(noise**2))))).astype(np.float32)
