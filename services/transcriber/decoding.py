"""How a chunk is decoded by a Whisper model: window after window, each searched until it is good.

What comes out depends on the chunk alone.
"""

import math
from collections.abc import Generator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from services.transcriber import guards
from services.transcriber.chunk import Chunk, Spoken
from services.transcriber.chunks import RATE
from services.transcriber.loaded import LoadedModel
from services.transcriber.repeats import unrepeated
from services.transcriber.squelch import without_tails
from services.transcriber.step import Decoding, Step
from services.transcriber.whisper import (
    FRAMES_PER_SECOND,
    WHOLE_WINDOW,
    Features,
    Generated,
    Piece,
    Task,
    TimedWord,
)
from shared.messages import Plan, Word

UNSPACED = frozenset({"zh", "ja", "th", "lo", "my", "yue"})
"""Languages written without spaces between words, as faster-whisper lists them."""


@dataclass(frozen=True)
class _Place:
    """Where a chunk is in its recording, in seconds; its samples are no longer needed."""

    start: float
    length: float


def decoding(whisper: LoadedModel, chunk: Chunk) -> Decoding:
    """The decoding of a chunk, with its spectrogram made already: slow, for a thread."""
    options = chunk.plan.options
    task = Task(chunk.language, options.task, options.prompt, options.hotwords)
    trim = chunk.plan.guards.trim_tails
    features = whisper.features(without_tails(chunk.samples) if trim else chunk.samples)
    place = _Place(chunk.start, len(chunk.samples) / RATE)
    return _decode(whisper, features, place, chunk.plan, task)


def _decode(
    whisper: LoadedModel, features: Features, place: _Place, plan: Plan, task: Task
) -> Decoding:
    prompt = whisper.prompt(task)
    content = features.shape[-1] - 1
    found: list[Spoken] = []
    last_word = 0.0
    seek = 0
    while seek < content:
        size = min(WHOLE_WINDOW, content - seek)
        frames = window_frames(size, plan.window_margin, plan.window_step, features.shape[0])
        step = Step(pad(features[:, seek : seek + size], frames), prompt, guards.searches(1)[0])
        generated = yield from _search(step, plan, size)
        if guards.silent(generated) or step.encoded is None:
            break
        if guards.unsure(generated, plan.guards.least_confidence):
            seek += size
            continue
        split = whisper.split(
            step.encoded,
            task,
            generated.tokens,
            seek=seek,
            size=size,
            words_after=last_word if plan.options.words else None,
        )
        said = [
            _spoken(piece, place, task.language, generated)
            for piece in split.pieces
            if piece.text and piece.start != piece.end
        ]
        found += unrepeated(said, plan.guards.most_repeats)
        last_word = split.last_word
        # A model that understood nothing of a window would be asked the same for ever.
        seek = split.seek if split.seek > seek else content
    return found


def _search(step: Step, plan: Plan, size: int) -> Generator[Step, Generated, Generated]:
    """What is said in a window that holds so many frames of content."""
    # All that share the call have the window's length in common, and not their content's.
    bound = guards.most_tokens(step.frames / FRAMES_PER_SECOND, plan.guards)
    most = guards.most_tokens(size / FRAMES_PER_SECOND, plan.guards)
    tried: list[Generated] = []
    for search in guards.searches(plan.beam_size):
        step.search = replace(search, most_tokens=bound)
        generated = yield step
        tried.append(generated)
        if guards.accepted(generated, most):
            return generated
    return guards.cut(guards.best(tried), most)


def window_frames(size: int, margin: float | None, step: float = 0.0, bands: int = 80) -> int:
    """How many frames the encoder sees of a chunk of `size`: an even number of them.

    With a `step`, in seconds, few lengths are left of the many that clips have, and windows of the
    same length can be decoded together.
    """
    if margin is None:
        return WHOLE_WINDOW
    wanted = size + round(margin * FRAMES_PER_SECOND)
    grain = max(2, 2 * round(step * FRAMES_PER_SECOND / 2))
    frames = grain * math.ceil(wanted / grain)
    if frames == 2 * bands:
        frames += 2  # see `Whisper.encode`
    return min(WHOLE_WINDOW, frames)


def pad(features: Features, frames: int) -> Features:
    """The features with silence after them, up to so many frames."""
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


def _spoken(piece: Piece, place: _Place, language: str, generated: Generated) -> Spoken:
    def at(seconds: float) -> float:
        # The last time stamp may lie in the padding after the chunk.
        return round(place.start + min(seconds, place.length), 3)

    words = [
        Word(at(w.start), at(w.end), w.text.strip(), min(1.0, max(0.0, w.probability)))
        for w in whole_words(piece.words, language)
    ]
    return Spoken(
        at(piece.start),
        at(piece.end),
        piece.text,
        min(1.0, math.exp(generated.log_probability)),
        words,
        min(1.0, max(0.0, generated.no_speech)),
    )
