"""What goes into an engine and what comes out of it."""

from dataclasses import dataclass

from services.transcriber.samples import Samples
from shared.messages import Plan, Word


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
