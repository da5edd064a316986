"""What is transcribed: short calls of 3 to 10 s, each another one, and long audio made of them."""

import random
import wave
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.faster_whisper_alone import RATE, Audio, load_audio
from deploy.local.samples import samples

SHORTEST, LONGEST = 3.0, 10.0
_NOISE = 0.003


@dataclass(frozen=True)
class Clip:
    """A file, and what is said in it."""

    path: Path
    text: str
    seconds: float


def make_clips(folder: Path, count: int) -> Sequence[Clip]:
    """So many short calls; those that are there already are not made again."""
    folder.mkdir(parents=True, exist_ok=True)
    calls = [(load_audio(s.path), s.text) for s in samples() if s.duration < LONGEST - 0.5]
    draw = random.Random(5)
    return [
        _make(folder / f"{number}.wav", number, draw, *draw.choice(calls))
        for number in range(count)
    ]


def make_long(folder: Path, clips: Sequence[Clip], seconds: float) -> Clip:
    """One recording of the clips, over and over, with pauses."""
    parts: list[Audio] = []
    texts: list[str] = []
    total, number = 0.0, 0
    while total < seconds:
        clip = clips[number % len(clips)]
        parts += [load_audio(clip.path), np.zeros(RATE // 2, np.float32)]
        texts.append(clip.text)
        total += clip.seconds + 0.5
        number += 1
    path = write_wav(folder / f"long-{round(seconds)}.wav", np.concatenate(parts))
    return Clip(path, " ".join(texts), total)


def _make(path: Path, number: int, draw: random.Random, audio: Audio, text: str) -> Clip:
    least = max(SHORTEST, len(audio) / RATE + 0.3)
    seconds = draw.uniform(least, min(LONGEST, least + 2.0))
    noise = np.random.default_rng(number).normal(0, _NOISE, round(seconds * RATE))
    whole = noise.astype(np.float32)
    whole[2000 : 2000 + len(audio)] += draw.uniform(0.5, 1.0) * audio[: len(whole) - 2000]
    if not path.exists():
        write_wav(path, whole)
    return Clip(path, text, seconds)


def write_wav(path: Path, audio: Audio) -> Path:
    """Write mono 16-bit samples; returns the path."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes((audio.clip(-1, 1) * 32767).astype(np.int16).tobytes())
    return path
