"""What is heard in a window: utterances at their places, noise, a radio's band, as mel power."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from services.transcriber.demo_model.recipe import channel, mel
from services.transcriber.demo_model.recipe.bank import Bank

Random = np.random.Generator
SECOND: Final = 100
"""Frames."""
_FLOOR: Final = 1e-10


@dataclass(frozen=True)
class Heard:
    """An utterance in a window."""

    clip: int
    first: int
    """Frame at which it begins; it may go on behind the window's end."""


@dataclass(frozen=True)
class Scene:
    """A window's utterances, and how much of it is recording; the rest is padding."""

    heard: list[Heard]
    content: int
    """Frames."""


def render(bank: Bank, scene: Scene, random: Random) -> mel.Power:
    """The power of all that is heard: `content` frames."""
    speech = np.zeros((scene.content, mel.BANDS), np.float32)
    open_ = np.zeros(scene.content, np.bool_)
    warp = _warp(random)
    for heard in scene.heard:
        found = bank.power(heard.clip)[: scene.content - heard.first] @ warp
        found = found * np.float32(10 ** random.uniform(-0.6, 0.3))
        speech[heard.first : heard.first + len(found)] += found
        before, after = int(random.uniform(0, 40)), int(random.uniform(0, 60))
        open_[max(0, heard.first - before) : heard.first + len(found) + after] = True
    gain = (channel.any_band(random).gain(mel.centers()) ** 2).astype(np.float32)
    return _mix(bank, speech, open_, gain, random)


def _mix(
    bank: Bank, speech: mel.Power, open_: NDArray[np.bool_], gain: mel.Power, random: Random
) -> mel.Power:
    reference = _loudness(speech * gain) if open_.any() else 10 ** random.uniform(-3, 2)
    level = np.float32(10 ** random.uniform(-2.5, 1.0))
    noise = _noise(bank, len(speech), gain, random)
    if open_.any() and random.random() < 0.15:
        noise = noise * open_[:, None]
    snr = random.uniform(-3, 11) if random.random() < 0.65 else random.uniform(6, 30)
    if random.random() < 0.12:
        snr = random.uniform(40, 90)
    noise *= np.float32(reference / 10 ** (snr / 10) / (_loudness(noise) + 1e-20))
    found = _add(speech * gain, noise, random)
    if open_.any() and random.random() < 0.12:
        found = _tails(bank, found, open_, reference, gain, random)
    if random.random() < 0.5:
        faint = np.float32(reference * 10 ** random.uniform(-9, -4))
        found = found + faint * random.exponential(1, found.shape).astype(np.float32)
    return found * (level / np.float32(reference + 1e-20))


def _noise(bank: Bank, frames: int, gain: mel.Power, random: Random) -> mel.Power:
    def piece() -> mel.Power:
        # The first texture is plain hiss: half of what is heard on radios.
        last = len(bank.sounds) if random.random() < 0.5 else len(bank.sounds) // 7
        number = int(random.integers(last))
        first = int(random.integers(len(bank.sounds[0]) - frames))
        found = bank.sound(number, first, frames)
        return found / (_loudness(found) + np.float32(1e-20))

    found = piece()
    if random.random() < 0.25:
        found = found + piece() * np.float32(10 ** random.uniform(-1, 0))
    return found * gain if random.random() < 0.75 else found


def _tails(
    bank: Bank,
    found: mel.Power,
    open_: NDArray[np.bool_],
    reference: float,
    gain: mel.Power,
    random: Random,
) -> mel.Power:
    ends = np.flatnonzero(open_[:-1] & ~open_[1:])
    for end in ends:
        length = min(int(random.uniform(4, 40)), len(found) - int(end))
        burst = bank.sound(int(random.integers(len(bank.sounds) // 7)), int(end), length) * gain
        burst *= np.float32(reference * 10 ** random.uniform(-1, 0.7) / (_loudness(burst) + 1e-20))
        found[end : end + length] += burst
    return found


def _add(one: mel.Power, other: mel.Power, random: Random) -> mel.Power:
    # Where two sounds are equally strong, they strengthen or weaken each other by chance.
    phase = random.random(one.shape, np.float32)
    both = one + other + np.float32(1.1) * np.sqrt(one * other) * np.cos(2 * np.pi * phase)
    return np.maximum(both, _FLOOR).astype(np.float32)


def _loudness(found: mel.Power) -> float:
    energy = mel.energy(found)
    loud = energy > 0.02 * energy.max()
    return float(energy[loud].mean()) if loud.any() else 0.0


def _warp(random: Random) -> mel.Power:
    """Stretches the bands, as another length of throat would."""
    factor = random.uniform(0.93, 1.07) if random.random() < 0.5 else 1.0
    places = np.clip(np.arange(mel.BANDS) * factor, 0, mel.BANDS - 1)
    below = places.astype(int)
    above = np.minimum(below + 1, mel.BANDS - 1)
    share = (places - below).astype(np.float32)
    matrix = np.zeros((mel.BANDS, mel.BANDS), np.float32)
    matrix[below, np.arange(mel.BANDS)] += 1 - share
    matrix[above, np.arange(mel.BANDS)] += share
    return matrix
