"""What each guard against noise does, with the bundled model: `ECHOBASE_TRIM_TAILS` and the like.

    python -m benchmarks.guards

Noise: clips of 3 to 10 s that hold none but white, pink or humming noise, at several levels. Calls:
those of `bench-engine`; the same behind whose last word a squelch tail of 50 to 500 ms follows
within 50 ms, as loud as the speech to three times as loud; and the same with white noise under the
speech; and single acknowledgments such as "copy" at 0 dB, which the voice detector may take for
nothing. Shown are the clips of noise that got words, and word error rates.
"""

from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec
import numpy as np

from benchmarks.engine import CACHE
from benchmarks.engine_clips import Clip, make_clips, write_wav
from benchmarks.engine_reference import Reference
from benchmarks.faster_whisper_alone import RATE, Audio, load_audio
from benchmarks.samples import MODEL, error_rate
from services.transcriber.demo_model.recipe.espeak import Espeak
from services.transcriber.demo_model.recipe.unseen import SEED, over_radio
from services.transcriber.demo_model.recipe.voices import unseen_voice
from services.transcriber.demo_model.recipe.words import ACKNOWLEDGMENTS
from services.transcriber.plan import make_guards
from services.transcriber.silero import speech_timestamps
from shared.guards import Guards
from shared.settings_guards import GuardSettings

_COUNT = 60
_LEVELS = (10.0, 0.0, -5.0)
"""Decibels of speech over noise."""
_ROWS = {
    "none": Guards(),
    "TRIM_TAILS": Guards(trim_tails=True),
    "SPEECH_THRESHOLD=0.3": Guards(speech_threshold=0.3),
    "SPEECH_THRESHOLD=0.7": Guards(speech_threshold=0.7),
    "SECOND_TRY=0.005, any text": Guards(second_try=0.005),
    "SECOND_TRY=0.005, from 0.7 on": Guards(second_try=0.005, second_confidence=0.7),
    "LEAST_CONFIDENCE=0.3": Guards(least_confidence=0.3),
    "LEAST_CONFIDENCE=0.5": Guards(least_confidence=0.5),
    "MOST_REPEATS=6": Guards(most_repeats=6),
    "TOKENS_PER_SECOND=15": Guards(tokens_per_second=15),
    "as it is delivered": make_guards(GuardSettings(), None),
}


def main() -> None:
    """Print the table."""
    calls = make_clips(CACHE / "clips", _COUNT)
    said = [clip.text for clip in calls]
    reference = Reference(MODEL, -1.0)
    # The model's folder says that short calls need no search for speech, which is a guard too.
    reference.plan = msgspec.structs.replace(reference.plan, search_from=0.0)
    with TemporaryDirectory() as folder:
        noise = [noise_clip(Path(folder) / f"noise-{n}.wav", n) for n in range(_COUNT)]
        sets = {"calls": [clip.path for clip in calls]}
        sets["tails"] = [tailed(Path(folder) / f"tail-{n}.wav", n, c) for n, c in enumerate(calls)]
        for level in _LEVELS:
            sets[f"{level:g} dB"] = [
                _noisy(Path(folder) / f"{level}-{n}.wav", n, c, level) for n, c in enumerate(calls)
            ]
        words = acknowledgments(Path(folder))
        texts = dict.fromkeys(sets, said) | {"words": [text for text, _ in words]}
        sets["words"] = [path for _, path in words]
        print(f"{'guard':32}{'noise':>7}" + "".join(f"{name:>8}" for name in sets))
        for name, guards in _ROWS.items():
            reference.plan = msgspec.structs.replace(reference.plan, guards=guards)
            some = sum(bool(reference.text(path)) for path in noise) / _COUNT
            wrong = [_errors(reference, texts[name], paths) for name, paths in sets.items()]
            shown = "".join(f"{each:8.1%}" for each in wrong)
            print(f"{name:32}{some:7.0%}{shown}", flush=True)


def _errors(reference: Reference, said: Sequence[str], paths: Sequence[Path]) -> float:
    return error_rate(list(said), [reference.text(path) for path in paths])


def acknowledgments(folder: Path) -> Sequence[tuple[str, Path]]:
    """Very short calls through a radio, with as much noise as speech."""
    speaker = Espeak(SEED)
    found: list[tuple[str, Path]] = []
    for number in range(_COUNT):
        random = np.random.default_rng(number)
        text = ACKNOWLEDGMENTS[number % len(ACKNOWLEDGMENTS)]
        heard = over_radio(speaker.say(text, unseen_voice(random)).samples, 0.0, random)
        found.append((text, write_wav(folder / f"word-{number}.wav", heard)))
    return found


def noise_clip(path: Path, number: int) -> Path:
    """Noise of some colour and level, with hum on every third; the same for the same number."""
    random = np.random.default_rng(number)
    size = round(random.uniform(3.0, 10.0) * RATE)
    spectrum = np.fft.rfft(random.normal(0, 1, size))
    spectrum[1:] /= np.arange(1, len(spectrum)) ** random.choice([0.0, 0.25, 0.5])
    audio = np.fft.irfft(spectrum, size)
    audio *= 10 ** random.uniform(-2.5, -0.7) / np.abs(audio).max()
    if number % 3 == 0:
        audio += 0.05 * np.sin(2 * np.pi * 100 * np.arange(size) / RATE)
    # Every other one opens and closes its squelch several times.
    if number % 2:
        audio *= (np.arange(size) // (RATE // 2)) % 2
    return write_wav(path, audio.astype(np.float32))


def tailed(path: Path, number: int, clip: Clip) -> Path:
    """A call that ends in a squelch tail; the same for the same number."""
    audio: Audio = load_audio(clip.path)
    random = np.random.default_rng(number)
    end = speech_timestamps(audio, 0.3, 30.0)[-1][1]
    level = _level(audio[:end]) * random.uniform(1.0, 3.0)
    tail = random.normal(0, level, round(random.uniform(0.05, 0.5) * RATE))
    gap = np.zeros(round(random.uniform(0.0, 0.05) * RATE))
    heard = np.concatenate([audio[:end], gap, tail, np.zeros(round(0.3 * RATE))])
    return write_wav(path, heard.clip(-1, 1).astype(np.float32))


def _noisy(path: Path, number: int, clip: Clip, level: float) -> Path:
    audio: Audio = load_audio(clip.path)
    under = _level(audio) * 10 ** (-level / 20)
    noise = np.random.default_rng(number).normal(0, under, len(audio))
    return write_wav(path, (audio + noise).clip(-1, 1).astype(np.float32))


def _level(audio: Audio) -> float:
    return float(np.sqrt(np.mean(audio**2)))


if __name__ == "__main__":
    main()
