"""Where a recording is cut: a pure function of its speech and of the frozen plan.

A worker that resumes a version cuts it as its first worker did, so that chunk numbers mean the
same audio to both.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import ceil

from shared.messages import Plan

RATE = 16_000
"""Samples a second of everything that the model hears."""


@dataclass(frozen=True)
class Span:
    """A stretch of audio, in samples; the end is not part of it."""

    start: int
    end: int

    @property
    def length(self) -> int:
        """In samples."""
        return self.end - self.start


def plan_chunks(speech: Sequence[Span], total: int, plan: Plan) -> list[Span]:
    """The chunks of a recording of `total` samples, in order.

    They do not overlap, hold all `speech`, and none is longer than the plan allows. Speech
    without a pause is cut hard, in equal parts.
    """
    longest = max(1, round(plan.longest_chunk * RATE))
    padded = _pad(speech, total, round(plan.padding * RATE))
    pieces = (piece for span in padded for piece in _cut(span, longest))
    return list(_join(pieces, longest) if plan.join_pauses else pieces)


def _pad(speech: Sequence[Span], total: int, padding: int) -> list[Span]:
    """Each span with `padding` around it, or with half the pause where that is shorter."""
    found: list[Span] = []
    for before, span, after in zip((None, *speech), speech, (*speech[1:], None), strict=False):
        left = span.start if before is None else (span.start - before.end) // 2
        right = total - span.end if after is None else (after.start - span.end) // 2
        found.append(Span(span.start - min(padding, left), span.end + min(padding, right)))
    return found


def _cut(span: Span, longest: int) -> Iterable[Span]:
    parts = ceil(span.length / longest)
    edges = [span.start + span.length * i // parts for i in range(parts + 1)]
    return (Span(a, b) for a, b in pairwise(edges))


def _join(spans: Iterable[Span], longest: int) -> Iterable[Span]:
    current: Span | None = None
    for span in spans:
        if current is None:
            current = span
        elif span.end - current.start <= longest:
            current = Span(current.start, span.end)
        else:
            yield current
            current = span
    if current is not None:
        yield current
