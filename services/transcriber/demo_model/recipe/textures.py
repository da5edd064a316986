"""Sounds without words: what is heard on a radio when nobody speaks."""

from collections.abc import Callable
from typing import Final

import numpy as np
from numpy.typing import NDArray

from services.transcriber.demo_model.recipe.espeak import RATE, Samples

Random = np.random.Generator


def hiss(random: Random, seconds: float) -> Samples:
    """White noise."""
    return _level(random.standard_normal(_count(seconds)))


def rumble(random: Random, seconds: float) -> Samples:
    """Noise that falls off with the frequency, as of an engine or of wind."""
    count = _count(seconds)
    spectrum = np.fft.rfft(random.standard_normal(count))
    frequency = np.maximum(np.fft.rfftfreq(count, 1 / RATE), 30.0)
    return _level(np.fft.irfft(spectrum / frequency ** random.uniform(0.4, 1.2), count))


def hum(random: Random, seconds: float) -> Samples:
    """The mains: a low tone with harmonics, slowly waxing and waning, over a little hiss."""
    time = np.arange(_count(seconds)) / RATE
    base = random.choice([50.0, 60.0, random.uniform(40, 420)])
    count = int(random.integers(1, 30))
    fall = random.uniform(0.3, 2.0)
    sound = np.zeros(len(time))
    for number in range(1, count + 1):
        phase = random.uniform(0, 2 * np.pi)
        share = random.uniform(0.2, 1) / number**fall
        sound += share * np.sin(2 * np.pi * base * number * time + phase)
    sound *= 1 + 0.3 * np.sin(2 * np.pi * random.uniform(0.1, 4) * time)
    return _level(sound / np.sqrt(np.mean(sound**2)) + _under(random, len(time)))


def crackle(random: Random, seconds: float) -> Samples:
    """Noise whose strength jumps: a signal at the edge of reach."""
    count = _count(seconds)
    grain = int(random.integers(80, 4000))
    steps = random.random(count // grain + 2) ** random.uniform(2, 8)
    gate = np.repeat(steps, grain)[:count]
    return _level(random.standard_normal(count) * (gate + random.uniform(0, 0.1)))


def clicks(random: Random, seconds: float) -> Samples:
    """Keys, relays and sparks: short bursts over a little hiss."""
    count = _count(seconds)
    sound = np.zeros(count)
    for _ in range(max(1, int(seconds * random.uniform(0.3, 8)))):
        length = int(random.integers(20, 1600))
        place = int(random.integers(max(1, count - length)))
        fall = np.exp(-np.arange(length) / (length * random.uniform(0.1, 0.6)))
        sound[place : place + length] += random.standard_normal(length) * fall
    sound /= np.sqrt(np.mean(sound**2)) + 1e-9
    return _level(sound + _under(random, count))


def tones(random: Random, seconds: float) -> Samples:
    """Beeps of one or two frequencies over a little hiss."""
    count = _count(seconds)
    time = np.arange(count) / RATE
    sound = np.zeros(count)
    place = 0
    while place < count:
        length = int(RATE * random.uniform(0.05, 0.8))
        on = slice(place, place + length)
        for frequency in random.uniform(300, 2600, size=random.integers(1, 3)):
            sound[on] += np.sin(2 * np.pi * frequency * time[on])
        place += length + int(RATE * random.uniform(0.03, 1.0))
    return _level(sound / np.sqrt(np.mean(sound**2)) + _under(random, count))


def squelch(random: Random, seconds: float) -> Samples:
    """Silence with bursts of noise, as when a squelch opens and closes."""
    count = _count(seconds)
    sound = random.standard_normal(count) * 10 ** random.uniform(-4, -1.5)
    place = int(RATE * random.uniform(0, 1))
    while place < count:
        length = int(RATE * random.uniform(0.04, 0.6))
        burst = random.standard_normal(min(length, count - place))
        sound[place : place + length] += burst * random.uniform(0.3, 1)
        place += length + int(RATE * random.uniform(0.2, 3))
    return _level(sound)


Texture = Callable[[Random, float], Samples]
TEXTURES: Final[tuple[Texture, ...]] = (hiss, rumble, hum, crackle, clicks, tones, squelch)


def _count(seconds: float) -> int:
    return round(seconds * RATE)


def _under(random: Random, count: int) -> NDArray[np.float64]:
    return random.standard_normal(count) * 10 ** random.uniform(-3, -0.5)


def _level(sound: NDArray[np.float64]) -> Samples:
    return (sound * (0.1 / (np.sqrt(np.mean(sound**2)) + 1e-9))).astype(np.float32)
