"""How fast a training learns, from its beginning to its end."""

import math
from dataclasses import dataclass
from typing import Final

WARM_UP: Final = 100
"""Steps."""
_LOWEST: Final = 0.01


@dataclass(frozen=True)
class Pace:
    """How long and how fast it learns."""

    rate: float
    flat: float
    """Share of the training at the full rate; then it falls as a cosine."""
    steps: int
    """At which it ends."""
    seconds: float
    """After which it ends, if that is earlier; what it had learned before does not count."""

    def progress(self, step: int, elapsed: float) -> float:
        """From 0 to 1."""
        return min(1.0, max(step / self.steps, elapsed / self.seconds))

    def at(self, steps: int, progress: float) -> float:
        """The rate, so many steps after the training began or went on."""
        left = min(1.0, (1 - progress) / (1 - self.flat))
        share = _LOWEST + (1 - _LOWEST) * 0.5 * (1 - math.cos(math.pi * left))
        return self.rate * min(1.0, (steps + 1) / WARM_UP) * share
