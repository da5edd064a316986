"""Batches of windows of one length, drawn from a bank for ever."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from services.transcriber.demo_model.recipe import mel
from services.transcriber.demo_model.recipe.bank import Bank
from services.transcriber.demo_model.recipe.lesson import (
    IGNORED,
    Lesson,
    lesson,
    prompt,
    transcript,
)
from services.transcriber.demo_model.recipe.scene import SECOND, Heard, Scene, render
from services.transcriber.demo_model.recipe.tokens import Tokens

Random = np.random.Generator
WHOLE: Final = 30 * SECOND


@dataclass(frozen=True)
class Mix:
    """How often a batch is of which kind; the rest are short windows with one utterance."""

    several: float
    """Windows of 6 to 20 s with several utterances."""
    whole: float
    """Windows of 30 s."""
    empty: float
    """Share of windows, of any kind, in which nobody speaks."""


@dataclass(frozen=True)
class Batch:
    """Windows of one length, and what is expected of the model."""

    features: NDArray[np.float32]
    """Windows by frames by bands."""
    inputs: NDArray[np.int64]
    """Windows by tokens."""
    targets: NDArray[np.int64]
    spans: NDArray[np.int64]
    """Windows by tokens by two."""
    labels: NDArray[np.int64]
    """Windows by the encoder's frames."""


def batches(bank: Bank, tokens: Tokens, mix: Mix, random: Random, frames: int) -> Iterator[Batch]:
    """Batches of about so many frames each."""
    lengths = np.array([clip.frames for clip in bank.clips])
    order = np.argsort(lengths)
    while True:
        kind = random.random()
        if kind < mix.whole:
            length, count = WHOLE, max(1, frames // WHOLE)
            scenes = [_whole(lengths, random) for _ in range(count)]
        elif kind < mix.whole + mix.several:
            length = 2 * int(random.integers(300, 1000))
            scenes = [_several(lengths, random, length) for _ in range(max(1, frames // length))]
        else:
            length, scenes = _short(lengths, order, random, frames)
        scenes = [
            Scene([], scene.content) if random.random() < mix.empty else scene for scene in scenes
        ]
        yield _batch(bank, tokens, scenes, random, length)


def _short(
    lengths: NDArray[np.int64], order: NDArray[np.int64], random: Random, frames: int
) -> tuple[int, list[Scene]]:
    place = int(random.integers(len(order)))
    spare = int(random.uniform(10, 130) if random.random() < 0.85 else random.uniform(100, 700))
    longest = int(lengths[order[min(len(order) - 1, place + 200)]])
    length = min(WHOLE, 2 * ((longest + spare + 1) // 2))
    near = order[max(0, place - 400) : place + 200]
    scenes: list[Scene] = []
    for clip in random.choice(near, max(1, frames // length)):
        room = length - int(lengths[clip])
        first = int(random.uniform(0, min(room, 45) if spare < 140 else room))
        last = int(random.uniform(first + lengths[clip] + 1, length))
        scenes.append(Scene([Heard(int(clip), first)], min(length, last)))
    return length, scenes


def _several(lengths: NDArray[np.int64], random: Random, length: int) -> Scene:
    content = length - int(random.uniform(0, 90))
    return Scene(_fill(lengths, random, content), content)


def _whole(lengths: NDArray[np.int64], random: Random) -> Scene:
    if random.random() < 0.35:
        content = int(random.uniform(3 * SECOND, WHOLE))
        return Scene(_fill(lengths, random, content), content)
    heard = _fill(lengths, random, WHOLE)
    last = heard[-1]
    after = last.first + int(lengths[last.clip]) + int(random.uniform(15, 120))
    clip = int(random.integers(len(lengths)))
    fits = after + 50 > WHOLE or after + lengths[clip] <= WHOLE
    if not fits and random.random() < 0.7:
        heard.append(Heard(clip, after))
    return Scene(heard, WHOLE)


def _fill(lengths: NDArray[np.int64], random: Random, content: int) -> list[Heard]:
    """Utterances one after another until there is no room."""
    slow = random.uniform(20, 220)
    # `transcribe` begins a window where the last utterance of the one before ended.
    latest = float(random.choice([90, 250, content / 2], p=[0.45, 0.45, 0.1]))
    place = random.uniform(0, min(latest, content / 2))
    heard: list[Heard] = []
    for _ in range(40):
        clip = int(random.integers(len(lengths)))
        if place + lengths[clip] >= content:
            if heard or place < 10:
                break
            place = random.uniform(0, 10)
            continue
        heard.append(Heard(clip, int(place)))
        pause = random.uniform(8, slow) if random.random() < 0.94 else random.uniform(100, 900)
        place += lengths[clip] + pause
    if not heard:
        fitting = np.flatnonzero(lengths < content)
        heard = [Heard(int(random.choice(fitting)), 0)]
    return heard


def _batch(bank: Bank, tokens: Tokens, scenes: list[Scene], random: Random, frames: int) -> Batch:
    found = np.zeros((len(scenes), frames, mel.BANDS), np.float32)
    lessons: list[Lesson] = []
    whole = frames > 20 * SECOND
    # All or none: the longest decides what the batch costs.
    prompted = random.random() < (0.5 if whole else 0.15)
    for row, scene in zip(found, scenes, strict=True):
        headroom = random.uniform(0, 1) if random.random() < 0.3 else 0.0
        row[: scene.content] = mel.features(render(bank, scene, random), headroom)
        if random.random() < 0.5:
            _mask(row[: scene.content], random)
        before = _before(tokens, random, whole=whole) if prompted else []
        lessons.append(lesson(bank, scene, tokens, random, frames, before))
    longest = max(len(one.inputs) for one in lessons)
    inputs = np.full((len(scenes), longest), tokens.end, np.int64)
    targets = np.full((len(scenes), longest), IGNORED, np.int64)
    spans = np.full((len(scenes), longest, 2), -1, np.int64)
    for number, one in enumerate(lessons):
        size = len(one.inputs)
        inputs[number, :size] = one.inputs
        targets[number, :size] = one.targets
        spans[number, :size] = one.spans
    return Batch(found, inputs, targets, spans, np.stack([one.labels for one in lessons]))


def _before(tokens: Tokens, random: Random, *, whole: bool) -> list[int]:
    """A prompt; only windows of 30 s come after a transcript with time stamps."""
    if whole and random.random() < 0.7:
        return transcript(tokens, random)
    return prompt(tokens, random, 14 if whole else 3)


def _mask(row: NDArray[np.float32], random: Random) -> None:
    """SpecAugment: some bands and some moments are not heard."""
    mean = float(row.mean())
    for _ in range(int(random.integers(0, 3))):
        first = int(random.integers(mel.BANDS - 8))
        row[:, first : first + int(random.integers(1, 9))] = mean
    for _ in range(int(random.integers(0, 1 + len(row) // 150))):
        first = int(random.integers(len(row)))
        row[first : first + int(random.integers(1, 12))] = mean
