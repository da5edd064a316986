"""How often somebody may call: a token bucket for each caller, in the memory of the process."""

import math
import re
import time
from collections.abc import Callable
from typing import NamedTuple

_MOST_KEPT = 10_000
_UNITS = {"second": 1, "minute": 60, "hour": 3600, "day": 86_400}
_RATE = re.compile(r"(\d{1,9})\s*(?:/|per)\s*(\d{1,4})?\s*(second|minute|hour|day)s?\Z")


class Rate(NamedTuple):
    """So many calls in so many seconds."""

    calls: int
    seconds: int


class Left(NamedTuple):
    """What is left of a bucket."""

    calls: int
    full_in: float
    """Seconds until nothing of it is used up."""
    next_in: float
    """Seconds until there is one again; 0 if there is."""


def read_rate(text: str) -> str:
    """A setting's value in its one form, such as `300/minute`; `off` for no limit.

    Raises ValueError, which says what is allowed.
    """
    text = text.strip().lower()
    if text in ("off", "none", "0"):
        return "off"
    found = _RATE.match(text)
    if not found or not int(found[1]) or found[2] == "0":
        raise ValueError(
            "allowed are `off`, and one rate such as `300/minute` or `5 per 10 seconds`"
        )
    units = found[3] if found[2] in (None, "1") else f"{int(found[2])} {found[3]}s"
    return f"{int(found[1])}/{units}"


def rate(text: str) -> Rate | None:
    """The rate of a value that `read_rate` gave; None for no limit."""
    found = _RATE.match(text)
    return Rate(int(found[1]), int(found[2] or 1) * _UNITS[found[3]]) if found else None


class Limiter:
    """A bucket for each caller; one that is full is forgotten."""

    def __init__(self, rate: Rate | None, clock: Callable[[], float] = time.monotonic) -> None:
        """`rate` None: nobody is refused. `clock` gives seconds."""
        self.rate = rate
        self._clock = clock
        self._used: dict[str, tuple[float, float]] = {}
        """Calls that were used up, and when."""

    @property
    def known(self) -> int:
        """Callers that are remembered."""
        return len(self._used)

    def take(self, caller: str) -> Left | None:
        """Count a call; None if there is no limit. One that is refused is not counted."""
        if self.rate is None:
            return None
        now, speed = self._clock(), self.rate.calls / self.rate.seconds
        used, then = self._used.get(caller, (0.0, now))
        used = max(0.0, used - (now - then) * speed)
        if used + 1 > self.rate.calls:
            self._used[caller] = (used, now)
            wait = (used + 1 - self.rate.calls) / speed
            return Left(0, used / speed, wait)
        self._used[caller] = (used + 1, now)
        if len(self._used) > _MOST_KEPT:
            self._forget(now, speed)
        return Left(math.floor(self.rate.calls - used - 1), (used + 1) / speed, 0.0)

    def _forget(self, now: float, speed: float) -> None:
        kept = {k: (used, at) for k, (used, at) in self._used.items() if used > (now - at) * speed}
        # Of callers that are all busy the earliest start anew: memory counts for more.
        self._used = dict(list(kept.items())[-_MOST_KEPT // 2 :])
