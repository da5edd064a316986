"""An engine asked directly, without the worker and its batcher: to measure and to compare."""

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

from services.transcriber.audio import decode
from services.transcriber.chunk import Chunk, Spoken
from services.transcriber.chunks import RATE, plan_chunks
from services.transcriber.engine import Engine
from services.transcriber.speech import find_speech, second_look, strictly
from services.transcriber.step import Decoding, Step, advance
from shared.messages import Plan


def chunks_of(path: Path, plan: Plan, scratch: Path) -> list[Chunk]:
    """What a file is cut into; `scratch` is a file to use. Raises NotAudio."""
    audio = decode(path, scratch)
    speech = find_speech(audio, plan)
    if not speech:
        speech, plan = second_look(audio, plan), strictly(plan)
    spans = plan_chunks(speech, audio.total, plan)
    language = plan.options.language or "en"
    return [Chunk(audio.read(span), span.start / RATE, plan, language) for span in spans]


def decode_alone(engine: Engine, chunk: Chunk) -> list[Spoken]:
    """What is said in a chunk that shares no call of the model."""
    return decode_together(engine, [chunk])[0]


def decode_together(engine: Engine, chunks: Sequence[Chunk]) -> list[list[Spoken]]:
    """What is said in each chunk; whatever fits into one call of the model shares it."""
    found: dict[int, list[Spoken]] = {}
    waiting: list[tuple[int, Decoding, Step]] = []

    def note(number: int, decoding: Decoding, got: Step | list[Spoken]) -> None:
        if isinstance(got, Step):
            waiting.append((number, decoding, got))
        else:
            found[number] = got

    for number, chunk in enumerate(chunks):
        decoding = engine.begin(chunk)
        note(number, decoding, advance(decoding, None))
    while waiting:
        buckets: defaultdict[object, list[tuple[int, Decoding, Step]]] = defaultdict(list)
        for each in waiting:
            buckets[each[2].bucket].append(each)
        waiting.clear()
        for bucket in buckets.values():
            _encode(engine, [step for _, _, step in bucket if step.encoded is None])
            answers = engine.generate([step for _, _, step in bucket])
            for (number, decoding, _), answer in zip(bucket, answers, strict=True):
                note(number, decoding, advance(decoding, answer))
    return [found[number] for number in range(len(chunks))]


def _encode(engine: Engine, steps: Sequence[Step]) -> None:
    for first in range(0, len(steps), engine.encodes):
        some = steps[first : first + engine.encodes]
        for step, encoded in zip(some, engine.encode(some), strict=True):
            step.encoded = encoded
