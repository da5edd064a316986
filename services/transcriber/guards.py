"""What is tried to get good text out of a window, and when it is good enough."""

import math
from collections.abc import Sequence

from services.transcriber.whisper import COMPRESSION_RATIO, LOG_PROBABILITY, Generated, Search

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


def accepted(generated: Generated) -> bool:
    """Whether no further search is needed: good text, or good silence."""
    return silent(generated) or (
        generated.compression_ratio <= COMPRESSION_RATIO
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
