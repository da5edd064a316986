"""The engine: chunks of any recordings in, timed text out.

It takes a list, since chunks of different recordings may share one call of the model; what a chunk
gives does not depend on who shares the call.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from services.transcriber.audio import Samples
from services.transcriber.chunks import RATE
from services.transcriber.loaded import LoadedModel
from services.transcriber.models import FoundModel
from services.transcriber.whisper import (
    COMPRESSION_RATIO,
    FRAMES_PER_SECOND,
    LOG_PROBABILITY,
    WHOLE_WINDOW,
    Encoded,
    Features,
    Generated,
    Piece,
    Search,
    Task,
    TimedWord,
)
from shared.errors import NotSupported
from shared.messages import Plan, Word

UNSPACED = frozenset({"zh", "ja", "th", "lo", "my", "yue"})
"""Languages written without spaces between words, as faster-whisper lists them."""
NO_SPEECH = 0.6
"""A window with a higher probability of no speech, and with unlikely text, holds none."""


@dataclass(frozen=True)
class Chunk:
    """A piece of some recording, and how to decode it."""

    samples: Samples
    start: float
    """Seconds from the recording's beginning."""
    plan: Plan
    language: str
    """ISO 639-1 code."""


@dataclass(frozen=True)
class Spoken:
    """A piece of recognised speech, in seconds from the recording's beginning."""

    start: float
    end: float
    text: str
    confidence: float
    """exp of the mean log probability of the window's tokens, 0 to 1."""
    words: list[Word]
    no_speech: float | None = None
    """The model's probability that the window holds no speech, 0 to 1; None if it gives none."""


class Engine(Protocol):
    """A loaded model. Its methods are slow, and block: call them in a thread."""

    @property
    def model(self) -> FoundModel:
        """Which model it is."""
        ...

    def detect_language(self, samples: Samples) -> str:
        """The language spoken in the first 30 s of the samples.

        An ISO 639-1 code. It depends on the audio and the model alone.
        """
        ...

    def check(self, language: str) -> None:
        """Raises NotSupported if the model does not know the language."""
        ...

    def decode(self, chunks: Sequence[Chunk]) -> list[list[Spoken]]:
        """What is said in each chunk, in order; the same whoever shares the call."""
        ...


class WhisperEngine:
    """The engine on faster-whisper."""

    def __init__(self, model: FoundModel, whisper: LoadedModel) -> None:
        """`whisper` is the loaded `model`."""
        self._model = model
        self._whisper = whisper
        known = model.traits.languages
        self._languages = [c for c in whisper.languages if known is None or c in known]

    @property
    def model(self) -> FoundModel:
        """Which model it is."""
        return self._model

    def check(self, language: str) -> None:
        """Raises NotSupported if the model does not know the language."""
        if language not in self._languages:
            known = ", ".join(self._languages)
            raise NotSupported(
                f"the model {self._model.name} does not know the language {language!r}: {known}"
            )

    def detect_language(self, samples: Samples) -> str:
        """The language spoken in the first 30 s of the samples."""
        if len(self._languages) == 1 or not self._whisper.multilingual:
            return self._languages[0]
        features = self._whisper.features(samples)[:, :WHOLE_WINDOW]
        found = self._whisper.detect_language(self._whisper.encode(_pad(features, WHOLE_WINDOW)))
        return next(code for code, _ in found if code in self._languages)

    def decode(self, chunks: Sequence[Chunk]) -> list[list[Spoken]]:
        """What is said in each chunk."""
        return [self._decode(chunk) for chunk in chunks]

    def _decode(self, chunk: Chunk) -> list[Spoken]:
        options = chunk.plan.options
        task = Task(chunk.language, options.task, options.prompt, options.hotwords)
        features = self._whisper.features(chunk.samples)
        content = features.shape[-1] - 1
        found: list[Spoken] = []
        last_word = 0.0
        seek = 0
        while seek < content:
            size = min(WHOLE_WINDOW, content - seek)
            frames = window_frames(size, chunk.plan.window_margin)
            encoded = self._whisper.encode(_pad(features[:, seek : seek + size], frames))
            generated = self._generate(encoded, task, chunk.plan.beam_size)
            if silent(generated):
                break
            split = self._whisper.split(
                encoded,
                task,
                generated.tokens,
                seek=seek,
                size=size,
                words_after=last_word if options.words else None,
            )
            confidence = min(1.0, math.exp(generated.log_probability))
            found += [
                _spoken(piece, chunk, confidence, generated.no_speech)
                for piece in split.pieces
                if piece.text and piece.start != piece.end
            ]
            last_word = split.last_word
            # A model that understood nothing of a window would be asked the same for ever.
            seek = split.seek if split.seek > seek else content
        return found

    def _generate(self, encoded: Encoded, task: Task, beam_size: int) -> Generated:
        tried: list[Generated] = []
        for search in searches(beam_size):
            generated = self._whisper.generate(encoded, task, search)
            tried.append(generated)
            if accepted(generated):
                return generated
        return best(tried)


def searches(beam_size: int) -> tuple[Search, ...]:
    """What is tried in turn until a result is accepted.

    faster-whisper falls back to sampling at rising temperatures. CTranslate2 seeds its generators
    once per thread, so the same chunk would give another text after a restart; a search that must
    not repeat itself gets out of the same loops and always gives the same.
    """
    return (
        Search(beam_size),
        Search(max(5, beam_size), repetition_penalty=1.1),
        Search(max(5, beam_size), repetition_penalty=1.2, no_repeat_ngram_size=3),
    )


def accepted(generated: Generated) -> bool:
    """Whether no further search is needed: good text, or good silence."""
    return silent(generated) or (
        generated.compression_ratio <= COMPRESSION_RATIO
        and generated.log_probability >= LOG_PROBABILITY
    )


def silent(generated: Generated) -> bool:
    """Whether the window holds no speech: said so, and the text is unlikely too."""
    return generated.no_speech > NO_SPEECH and generated.log_probability <= LOG_PROBABILITY


def best(tried: Sequence[Generated]) -> Generated:
    """The likeliest, of those that do not repeat themselves if there are any."""
    varied = [g for g in tried if g.compression_ratio <= COMPRESSION_RATIO]
    return max(varied or tried, key=lambda g: g.log_probability)


def window_frames(size: int, margin: float | None) -> int:
    """How many frames the encoder sees of a chunk of `size`: an even number of them."""
    if margin is None:
        return WHOLE_WINDOW
    wanted = size + round(margin * FRAMES_PER_SECOND)
    return min(WHOLE_WINDOW, wanted + wanted % 2)


def _pad(features: Features, frames: int) -> Features:
    missing = frames - features.shape[-1]
    return np.pad(features, ((0, 0), (0, missing))) if missing > 0 else features


def whole_words(words: Sequence[TimedWord], language: str) -> list[TimedWord]:
    """The words with what the tokenizer cut off at a hyphen put back: `10` and `-4` are one.

    A word's own beginning is its leading space, in languages that have spaces.
    """
    if language in UNSPACED:
        return list(words)
    found: list[TimedWord] = []
    for word in words:
        if found and not word.text.startswith(" "):
            head = found[-1]
            probability = min(head.probability, word.probability)
            found[-1] = TimedWord(head.start, word.end, head.text + word.text, probability)
        else:
            found.append(word)
    return found


def _spoken(piece: Piece, chunk: Chunk, confidence: float, no_speech: float) -> Spoken:
    # The last time stamp may lie in the padding after the chunk.
    longest = len(chunk.samples) / RATE

    def at(seconds: float) -> float:
        return round(chunk.start + min(seconds, longest), 3)

    words = [
        Word(at(w.start), at(w.end), w.text.strip(), min(1.0, max(0.0, w.probability)))
        for w in whole_words(piece.words, chunk.language)
    ]
    return Spoken(
        at(piece.start),
        at(piece.end),
        piece.text,
        confidence,
        words,
        min(1.0, max(0.0, no_speech)),
    )
