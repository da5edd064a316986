"""What is tried to get good text out of a window, and when it is good enough."""

import math
from collections.abc import Sequence
from dataclasses import replace

from services.transcriber.whisper import COMPRESSION_RATIO, LOG_PROBABILITY, Generated, Search
from shared.guards import Guards

BESIDE = 20
"""Time stamps and the like, and words that are spoken quickly."""
NO_SPEECH = 0.6
"""A window with a higher probability of no speech, and with unlikely text, holds none."""


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


def most_tokens(seconds: float, limits: Guards) -> int | None:
    """How many tokens that much audio may have; None for any number."""
    if not limits.tokens_per_second:
        return None
    return BESIDE + math.ceil(seconds * limits.tokens_per_second)


def cut(generated: Generated, most: int | None) -> Generated:
    """The text without what is too much of it."""
    return replace(generated, tokens=generated.tokens[:most])


def accepted(generated: Generated, most: int | None = None) -> bool:
    """Whether no further search is needed: good text of at most so many tokens, or good silence."""
    return silent(generated) or (
        (most is None or len(generated.tokens) <= most)
        and generated.compression_ratio <= COMPRESSION_RATIO
        and generated.log_probability >= LOG_PROBABILITY
    )


def unsure(generated: Generated, least: float) -> bool:
    """Whether the text is less likely, 0 to 1, than what is wanted."""
    return math.exp(generated.log_probability) < least


def silent(generated: Generated) -> bool:
    """Whether the window holds no speech: said so, and the text is unlikely too."""
    return generated.no_speech > NO_SPEECH and generated.log_probability <= LOG_PROBABILITY


def best(tried: Sequence[Generated]) -> Generated:
    """The likeliest, of those that do not repeat themselves if there are any."""
    varied = [g for g in tried if g.compression_ratio <= COMPRESSION_RATIO]
    return max(varied or tried, key=lambda g: g.log_probability)
