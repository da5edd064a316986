"""What to do after a post: a pure decision, performed by the queue."""

from collections.abc import Sequence
from dataclasses import dataclass

from services.stream.webhooks.posting import Answer
from shared.retry import DeadLetter, RetryAfter

GONE = 410
_BUSY = (429, 503)
_JITTER = 0.2


@dataclass(frozen=True)
class Delivered:
    """The receiver has it."""


@dataclass(frozen=True)
class SwitchOff:
    """The receiver wants nothing any more: post nothing until somebody switches it on."""


Verdict = Delivered | RetryAfter | DeadLetter | SwitchOff


def decide(answer: Answer, attempt: int, waits: Sequence[float], chance: float) -> Verdict:
    """What to do after the given attempt, counted from 1; `chance` is between 0 and 1."""
    if answer.good:
        return Delivered()
    if answer.status == GONE:
        return SwitchOff()
    if attempt > len(waits):
        return DeadLetter("webhook-failed", f"{attempt} attempts failed; at the last {answer}")
    # Those that failed together must not all come back together.
    wait = waits[attempt - 1] * (1 + _JITTER * chance)
    return RetryAfter(max(wait, answer.retry_after if answer.status in _BUSY else 0.0))
