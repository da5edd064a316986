"""Where a recording holds speech, by Silero's voice activity detector.

It looks at five minutes at a time, so that memory stays flat; speech that runs over a seam is put
together again. Of long silences only the edges are shown to it: an hour of nothing cost as much
computing as an hour of speech. The result depends on the audio and the plan alone.
"""

from collections.abc import Iterable, Iterator, Sequence

import msgspec
import numpy as np

from services.transcriber.audible import audible
from services.transcriber.audio import Audio
from services.transcriber.chunks import RATE, Span
from services.transcriber.model_folder import LONGEST_WINDOW
from services.transcriber.silero import speech_timestamps
from shared.messages import Plan

BLOCK = 300 * RATE
"""Samples that the detector sees at once: 19 MB, and some 200 while it works."""
_TENTH = RATE // 10
"""Samples."""


def find_speech(audio: Audio, plan: Plan, block: int = BLOCK) -> list[Span]:
    """The utterances of a recording, in order, without padding; slow, for a thread."""
    found = [speech_in(audio, plan, part) for part in blocks(audio.total, block)]
    return put_together(found, plan, block)


def second_look(audio: Audio, plan: Plan) -> list[Span]:
    """What the model may hear of a call in which no speech was found; slow, for a thread.

    From its first loud tenth of a second to its last, if it is short enough for one window: the
    detector takes whole short calls in noise for nothing.
    """
    gate = plan.guards.second_try
    if not gate or audio.total > LONGEST_WINDOW * RATE:
        return []
    samples = audio.read(Span(0, audio.total // _TENTH * _TENTH))
    levels = np.sqrt(np.mean(samples.reshape(-1, _TENTH) ** 2, axis=1))
    loud = np.flatnonzero(levels >= gate)
    return [Span(int(loud[0]) * _TENTH, int(loud[-1] + 1) * _TENTH)] if loud.size else []


def strictly(plan: Plan) -> Plan:
    """How the model's word is taken on what only a second look found."""
    least = max(plan.guards.least_confidence, plan.guards.second_confidence)
    guards = msgspec.structs.replace(plan.guards, least_confidence=least)
    return msgspec.structs.replace(plan, guards=guards)


def blocks(total: int, block: int = BLOCK) -> list[Span]:
    """The stretches of a recording of `total` samples that are looked at each by itself."""
    return [Span(start, min(start + block, total)) for start in range(0, total, block)]


def speech_in(audio: Audio, plan: Plan, block: Span) -> list[Span]:
    """The utterances of one block; slow, for a thread. Several may be looked at together."""
    found: list[Span] = []
    samples = audio.read(block)
    for part in audible(samples):
        if audio.total < plan.search_from * RATE:
            found.append(Span(block.start + part.start, block.start + part.end))
            continue
        spans = speech_timestamps(
            samples[part.start : part.end],
            plan.shortest_pause,
            _longest_utterance(plan),
            plan.guards.speech_threshold,
        )
        begin = block.start + part.start
        found.extend(Span(begin + a, begin + b) for a, b in spans)
    return found


def put_together(found: Iterable[Sequence[Span]], plan: Plan, block: int = BLOCK) -> list[Span]:
    """The utterances of a recording from those of its blocks, in order."""
    spans = [span for part in found for span in part]
    return list(bridge_seams(spans, round(plan.shortest_pause * RATE), block))


def bridge_seams(spans: Sequence[Span], shortest_pause: int, block: int) -> Iterator[Span]:
    """Put together what only the seam between two blocks has cut."""
    current: Span | None = None
    for span in spans:
        if current is None:
            current = span
        elif _at_seam(current, span, block) and span.start - current.end < shortest_pause:
            current = Span(current.start, span.end)
        else:
            yield current
            current = span
    if current is not None:
        yield current


def speech_seconds(chunks: Iterable[Span]) -> float:
    """How long the chunks last together."""
    return sum(chunk.length for chunk in chunks) / RATE


def _at_seam(before: Span, after: Span, block: int) -> bool:
    return (before.end - 1) // block != after.start // block


def _longest_utterance(plan: Plan) -> float:
    # The detector then prefers the last short silence to a hard cut.
    return max(1.0, plan.longest_chunk - 2 * plan.padding)


def warm_up() -> None:
    """Load the detector, which the first recording would otherwise wait for."""
    speech_timestamps(np.zeros(RATE, np.float32), 1.0, 30.0)
