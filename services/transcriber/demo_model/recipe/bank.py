"""What training draws from: spectra of spoken sentences and of sounds without words, on disk.

python -m services.transcriber.demo_model.recipe.bank FOLDER [--clips 24000] [--processes 2]
"""

import argparse
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Final

import msgspec
import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from services.transcriber.demo_model.recipe import channel, mel
from services.transcriber.demo_model.recipe.espeak import Espeak
from services.transcriber.demo_model.recipe.grammar import training_sentence
from services.transcriber.demo_model.recipe.textures import TEXTURES
from services.transcriber.demo_model.recipe.voices import drawn_voice, training_voice

SEED: Final = 20_261_122
PART: Final = 1000
"""Clips in a file."""
NAMED: Final = 16
"""Parts in espeak-ng's own variants; all later ones are in drawn ones."""
SOUNDS: Final = 40
"""Clips of each texture."""
SOUND_SECONDS: Final = 31.0
_FLOOR: Final = 1e-10


class Clip(Struct, frozen=True):
    """A spoken sentence."""

    text: str
    first: int
    """Where its frames begin among all frames of its part."""
    frames: int
    words: list[tuple[float, float]]
    """Start and end of each word, in seconds."""


@dataclass(frozen=True)
class Bank:
    """All clips and all sounds, in memory: reading half floats again and again is slow."""

    clips: list[Clip]
    parts: list[mel.Power]
    sounds: mel.Power
    """Sounds by frames by bands."""

    def power(self, number: int) -> mel.Power:
        """A clip's spectrum."""
        clip = self.clips[number]
        part = self.parts[number // PART]
        return part[clip.first : clip.first + clip.frames]

    def sound(self, number: int, first: int, frames: int) -> mel.Power:
        """A piece of a sound's spectrum."""
        return self.sounds[number, first : first + frames]


def load(folder: Path) -> Bank:
    """The bank in a folder."""
    files = sorted(folder.glob("part-????.npy"))
    clips: list[Clip] = []
    for file in files:
        clips += msgspec.json.decode(file.with_suffix(".json").read_bytes(), type=list[Clip])
    parts = [_power(np.load(file)) for file in files]
    return Bank(clips, parts, _power(np.load(folder / "sounds.npy")))


def make_part(folder: Path, number: int) -> None:
    """Speak PART sentences and write them; what is there already stays."""
    file = folder / f"part-{number:04}.npy"
    if file.exists():
        return
    random = np.random.default_rng([SEED, number])
    speaker = Espeak(SEED + number)
    voice = training_voice if number < NAMED else drawn_voice
    clips: list[Clip] = []
    spectra: list[NDArray[np.float16]] = []
    first = 0
    for _ in range(PART):
        text = training_sentence(random)
        spoken = speaker.say(text, voice(random))
        samples = spoken.samples
        if random.random() < 0.5:
            samples = channel.any_band(random).apply(samples)
        drive = float(random.choice([0.0, 0.25, 0.5, 1.0, 2.0]))
        found = _decades(mel.power(channel.clip(samples, drive)))
        clips.append(Clip(text, first, len(found), spoken.words))
        spectra.append(found)
        first += len(found)
    file.with_suffix(".json").write_bytes(msgspec.json.encode(clips))
    partial = file.with_suffix(".partial.npy")
    np.save(partial, np.concatenate(spectra))
    partial.rename(file)


def make_sounds(folder: Path) -> None:
    """Write the sounds without words."""
    random = np.random.default_rng([SEED, 1_000_000])
    found = [
        _decades(mel.power(texture(random, SOUND_SECONDS)))
        for texture in TEXTURES
        for _ in range(SOUNDS)
    ]
    np.save(folder / "sounds.npy", np.stack(found))


def main() -> None:
    """Make the bank."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--clips", type=int, default=48_000)
    parser.add_argument("--processes", type=int, default=2)
    options = parser.parse_args()
    folder: Path = options.folder
    folder.mkdir(parents=True, exist_ok=True)
    # espeak-ng's state belongs to a process: each part has one of its own.
    with ProcessPoolExecutor(
        options.processes, mp_context=get_context("spawn"), max_tasks_per_child=1
    ) as pool:
        waiting = [pool.submit(make_sounds, folder)]
        waiting += [pool.submit(make_part, folder, n) for n in range(options.clips // PART)]
        for done in waiting:
            done.result()


def _decades(found: mel.Power) -> NDArray[np.float16]:
    return np.log10(np.maximum(found, _FLOOR)).astype(np.float16)


def _power(decades: NDArray[np.float16]) -> mel.Power:
    found = decades.astype(np.float32)
    found *= np.float32(np.log(10))
    return np.exp(found, out=found)


if __name__ == "__main__":
    main()
