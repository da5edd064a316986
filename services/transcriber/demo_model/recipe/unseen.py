"""What the model is tested on: sentences and voices that training never has."""

from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import cache, partial
from multiprocessing import get_context
from typing import Final

import numpy as np

from services.transcriber.demo_model.recipe import channel
from services.transcriber.demo_model.recipe.espeak import RATE, Espeak, Samples
from services.transcriber.demo_model.recipe.grammar import unseen_sentence
from services.transcriber.demo_model.recipe.textures import TEXTURES
from services.transcriber.demo_model.recipe.voices import unseen_voice

SEED: Final = 5_550_199
LEVELS: Final[tuple[float | None, ...]] = (None, 20, 10, 5)
"""Decibels of speech over noise; None is no noise."""
PAUSE: Final = (0.5, 1.8)
"""Seconds between two utterances."""
CONVERSATION: Final = 180.0
"""Seconds."""
CONVERSATION_LEVEL: Final = 20.0
_DRIVE: Final = 0.25
_EMPTY_SECONDS: Final = (1.0, 12.0)


@dataclass(frozen=True)
class Call:
    """One utterance."""

    text: str
    samples: Samples


@dataclass(frozen=True)
class Utterance:
    """A part of a conversation, in seconds."""

    start: float
    end: float
    text: str


@dataclass(frozen=True)
class Conversation:
    """Several voices in turn."""

    samples: Samples
    utterances: list[Utterance]

    @property
    def text(self) -> str:
        """All that is said."""
        return " ".join(one.text for one in self.utterances)


def calls(count: int, level: float | None) -> list[Call]:
    """So many utterances through a radio; the same ones at every level."""
    return [
        Call(text, over_radio(speech, level, np.random.default_rng([SEED, number])))
        for number, (text, speech) in enumerate(_spoken(count))
    ]


def conversation(number: int, seconds: float = CONVERSATION) -> Conversation:
    """So many seconds of talk, or a little more."""
    random = np.random.default_rng([SEED + 4, number])
    parts = [_silence(random.uniform(0.2, 1))]
    utterances: list[Utterance] = []
    now = len(parts[0])
    for text, speech in _alone(partial(_speak_turns, number, seconds)):
        end = now + len(speech)
        utterances.append(Utterance(now / RATE, end / RATE, text))
        parts += [speech, _silence(random.uniform(*PAUSE))]
        now = end + len(parts[-1])
    heard = over_radio(np.concatenate(parts), CONVERSATION_LEVEL, random)
    return Conversation(heard, utterances)


def empty(count: int) -> list[Samples]:
    """Clips in which nobody speaks: every texture, and silence."""
    found: list[Samples] = []
    for number in range(count):
        random = np.random.default_rng([SEED + 2, number])
        seconds = random.uniform(*_EMPTY_SECONDS)
        kind = number % (len(TEXTURES) + 1)
        if kind == len(TEXTURES):
            found.append(_silence(seconds))
            continue
        sound = TEXTURES[kind](random, seconds) * np.float32(10 ** random.uniform(-1.5, 0.5))
        narrow = channel.RADIO.apply(sound) if random.random() < 0.7 else sound
        found.append(np.clip(narrow, -1, 1).astype(np.float32))
    return found


def over_radio(speech: Samples, level: float | None, random: np.random.Generator) -> Samples:
    """The sound of a radio, with noise so many decibels under the speech."""
    heard = channel.clip(channel.RADIO.apply(speech), _DRIVE)
    if level is not None:
        heard = channel.with_noise(heard, level, random)
    return np.clip(heard, -1, 1).astype(np.float32)


Lines = list[tuple[str, Samples]]


@cache
def _spoken(count: int) -> Lines:
    return _alone(partial(_speak_calls, count))


def _alone(speak: Callable[[], Lines]) -> Lines:
    """Speak in a process of its own: in one that has spoken, espeak-ng says the same otherwise."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(speak).result()


def _speak_calls(count: int) -> Lines:
    speaker = Espeak(SEED)
    found: Lines = []
    for number in range(count):
        random = np.random.default_rng([SEED + 3, number])
        text, speech = _say(speaker, random)
        edges = [_silence(random.uniform(0.1, 0.5)) for _ in range(2)]
        found.append((text, np.concatenate([edges[0], speech, edges[1]])))
    return found


def _speak_turns(number: int, seconds: float) -> Lines:
    """What is said in a conversation."""
    random = np.random.default_rng([SEED + 1, number])
    speaker = Espeak(SEED)
    found: Lines = []
    left = seconds
    while left > 0:
        text, speech = _say(speaker, random)
        found.append((text, speech))
        left -= len(speech) / RATE + sum(PAUSE) / 2
    return found


def _say(speaker: Espeak, random: np.random.Generator) -> tuple[str, Samples]:
    text = unseen_sentence(random)
    return text, speaker.say(text, unseen_voice(random)).samples


def _silence(seconds: float) -> Samples:
    return np.zeros(round(seconds * RATE), np.float32)
