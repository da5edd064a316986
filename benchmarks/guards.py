"""What `ECHOBASE_LEAST_CONFIDENCE` does to noise, and what it costs, with the bundled model.

    python -m benchmarks.guards

Noise: 100 clips of 3 to 10 s that hold none but white, pink or humming noise, at several levels:
as the transcriber cuts them, and uncut, as if no speech had been looked for. Calls: 100 of
`bench-engine`'s short ones, and the same with white noise 10 dB below the speech. Shown are the
clips of noise that got words, and word error rates.
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

_COUNT = 100
_SNR = 10.0
"""dB."""
_LEAST = (0.0, 0.3, 0.4, 0.5, 0.6)
"""`ECHOBASE_LEAST_CONFIDENCE`."""


def main() -> None:
    """Print the table."""
    calls = make_clips(CACHE / "clips", _COUNT)
    reference = Reference(MODEL, -1.0)
    with TemporaryDirectory() as folder:
        noise = [noise_clip(Path(folder) / f"noise-{n}.wav", n) for n in range(_COUNT)]
        noisy = [_noisy(Path(folder) / f"noisy-{n}.wav", n, c) for n, c in enumerate(calls)]
        print(f"{'least':>6}{'words on noise':>16}{'uncut':>8}{'WER':>8}{'at 10 dB':>10}")
        for least in _LEAST:
            reference.plan = msgspec.structs.replace(reference.plan, least_confidence=least)
            cut = sum(bool(reference.text(path)) for path in noise) / _COUNT
            uncut = sum(bool(reference.uncut(path)) for path in noise) / _COUNT
            print(
                f"{least:6}{cut:16.0%}{uncut:8.0%}{_errors(reference, calls):8.1%}"
                f"{_errors(reference, noisy):10.1%}",
                flush=True,
            )


def _errors(reference: Reference, clips: Sequence[Clip]) -> float:
    return error_rate([clip.text for clip in clips], [reference.text(clip.path) for clip in clips])


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


def _noisy(path: Path, number: int, clip: Clip) -> Clip:
    audio: Audio = load_audio(clip.path)
    level = float(np.sqrt(np.mean(audio**2))) * 10 ** (-_SNR / 20)
    noise = np.random.default_rng(number).normal(0, level, len(audio)).astype(np.float32)
    return Clip(write_wav(path, audio + noise), clip.text, clip.seconds)


if __name__ == "__main__":
    main()
