"""What the model is to make of a scene: the tokens, and which stretch each is heard in."""

from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from services.transcriber.demo_model.recipe import grammar
from services.transcriber.demo_model.recipe.bank import Bank
from services.transcriber.demo_model.recipe.scene import SECOND, Scene
from services.transcriber.demo_model.recipe.tokens import Tokens
from services.transcriber.demo_model.recipe.words import vocabulary

Random = np.random.Generator
POSITIONS: Final = 448
"""Tokens that the decoder has place for."""
PROMPT: Final = POSITIONS // 2 - 1
"""Tokens of what was said before, at most: as many as faster-whisper hands on."""
FIRST_TIME: Final = 1.0
"""Seconds; decoders let no window's first time stamp be later."""
WINDOW: Final = 30.0
PACE: Final = (0.22, 0.45)
"""Seconds a word."""
PAUSE: Final = (0.1, 2.5)
"""Seconds between utterances."""
IGNORED: Final = -100
"""A target that is not asked for."""
NOWHERE: Final = (-1, -1)
_WORDS: Final = {word: number for number, word in enumerate(vocabulary(), 1)}
WORDS: Final = len(_WORDS) + 1
"""Words to tell apart in a frame; 0 is none."""


@dataclass
class Lesson:
    """Tokens with what is expected after each."""

    inputs: list[int] = field(default_factory=list[int])
    targets: list[int] = field(default_factory=list[int])
    spans: list[tuple[int, int]] = field(default_factory=list[tuple[int, int]])
    """Where each target is heard, in frames of the encoder (20 ms); NOWHERE for others.

    A time stamp is heard at its time: a decoder that looks there keeps its place in long windows.
    """
    labels: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))
    """The word in each of the encoder's frames."""


def lesson(
    bank: Bank, scene: Scene, tokens: Tokens, random: Random, frames: int, prompt: list[int]
) -> Lesson:
    """The lesson of a scene in a window of so many frames, after a prompt if there is one."""
    cut = any(h.first + bank.clips[h.clip].frames > scene.content for h in scene.heard)
    timed = cut or random.random() < 0.65
    found = Lesson(labels=np.zeros(frames // 2, np.int64))
    said, spans = _said(bank, scene, tokens, found.labels, timed=timed)
    if prompt:
        found.inputs += [tokens.previous, *prompt]
        found.targets += [IGNORED] * (len(prompt) + 1)
        found.spans += [NOWHERE] * (len(prompt) + 1)
    first = said[0] if timed and said else tokens.time(random.uniform(0, 1))
    opening = [tokens.start, first] if timed else [tokens.start, tokens.no_times]
    rest = said[1:] if timed else said
    rest_spans = spans[1:] if timed else spans
    if not scene.heard:
        rest = [] if timed else [tokens.no_speech]
        rest_spans = [NOWHERE] * len(rest)
    sequence = [*opening, *rest, tokens.end]
    found.inputs += sequence[:-1]
    found.targets += [first if timed else tokens.no_times, *sequence[2:]]
    if not scene.heard:
        found.targets[len(found.inputs) - len(sequence) + 1] = tokens.no_speech
    found.spans += [spans[0] if timed and spans else NOWHERE, *rest_spans, NOWHERE]
    return _shortened(found)


def _said(
    bank: Bank, scene: Scene, tokens: Tokens, labels: NDArray[np.int64], *, timed: bool
) -> tuple[list[int], list[tuple[int, int]]]:
    said: list[int] = []
    spans: list[tuple[int, int]] = []
    for heard in scene.heard:
        clip = bank.clips[heard.clip]
        begin = heard.first / SECOND
        limit = FIRST_TIME if not said else WINDOW
        if timed:
            said.append(tokens.time(min(limit, begin)))
            spans.append(_edge(begin))
        if heard.first + clip.frames > scene.content:
            break
        for word, (start, end) in zip(clip.text.split(), clip.words, strict=True):
            place = (round((begin + start) * 50), max(1, round((begin + end) * 50)))
            labels[place[0] : place[1]] = _WORDS[word]
            ids = tokens.word(word)
            said += ids
            spans += [place] * len(ids)
        if timed:
            end = begin + clip.words[-1][1]
            said.append(tokens.time(end))
            spans.append(_edge(end))
    return said, spans


def _edge(time: float) -> tuple[int, int]:
    """Where a time stamp is heard."""
    frame = round(time * 50)
    return frame, frame + 1


def prompt(tokens: Tokens, random: Random, sentences: int) -> list[int]:
    """What was said before: at most so many sentences, some words, or anything."""
    kind = random.random()
    if kind < 0.2:
        return [int(t) for t in random.integers(tokens.end, size=random.integers(1, 20))]
    if kind < 0.45:
        known = vocabulary()
        return tokens.text([known[int(i)] for i in random.integers(len(known), size=4)])
    count = int(random.integers(1, sentences + 1))
    said = [grammar.sentence(random) for _ in range(count)]
    return tokens.text(" ".join(said).split())[-PROMPT:]


def transcript(tokens: Tokens, random: Random) -> list[int]:
    """What was decoded of the windows before, as faster-whisper's `transcribe` hands it on.

    Its time stamps are still in it. A decoder that never saw them there takes them for its own, and
    goes on from the last one.
    """
    size = int(random.integers(1, PROMPT + 1))
    found: list[int] = []
    now = random.uniform(0, FIRST_TIME)
    while len(found) < size:
        words = grammar.sentence(random).split()
        end = now + len(words) * random.uniform(*PACE)
        if end >= WINDOW:
            now = random.uniform(0, FIRST_TIME)
            continue
        found += [tokens.time(now), *tokens.text(words), tokens.time(end)]
        now = end + random.uniform(*PAUSE)
    return found[-size:]


def _shortened(found: Lesson) -> Lesson:
    found.inputs = found.inputs[:POSITIONS]
    found.targets = found.targets[:POSITIONS]
    found.spans = found.spans[:POSITIONS]
    return found
