"""Which entry is forwarded next: urgent first, then the oldest; one that failed waits alone.

Pure: it is told the time (seconds of any clock that does not run backwards).
"""

import heapq
import itertools
from dataclasses import dataclass
from datetime import datetime

from services.ingest.entry import Held

FIRST_WAIT = 0.5
LONGEST_WAIT = 30.0
_FAILURES_OF_AN_OUTAGE = 3

Rank = tuple[tuple[int, datetime], int]


def wait(attempts: int, chance: float) -> float:
    """Seconds to wait after so many failed attempts; `chance` (0 to 1) spreads them."""
    return min(LONGEST_WAIT, FIRST_WAIT * 2.0 ** min(attempts - 1, 30)) * (0.5 + chance / 2)


class ForwardQueue:
    """The entries that wait to be forwarded."""

    def __init__(self) -> None:
        self._due: list[tuple[Rank, Held]] = []
        self._later: list[tuple[float, Rank, Held]] = []
        self._ticket = itertools.count()

    def __len__(self) -> int:
        """How many entries wait."""
        return len(self._due) + len(self._later)

    def add(self, held: Held) -> None:
        """Have an entry forwarded as soon as it is its turn."""
        heapq.heappush(self._due, (self._rank(held), held))

    def add_later(self, held: Held, at: float) -> None:
        """Have an entry forwarded from a time on."""
        heapq.heappush(self._later, (at, self._rank(held), held))

    def next(self, now: float) -> Held | None:
        """The entry whose turn it is, which then no longer waits."""
        while self._later and self._later[0][0] <= now:
            _, rank, held = heapq.heappop(self._later)
            heapq.heappush(self._due, (rank, held))
        return heapq.heappop(self._due)[1] if self._due else None

    def next_time(self) -> float | None:
        """When the next entry that waits alone has its turn."""
        return self._later[0][0] if self._later else None

    def wake(self) -> None:
        """Give every entry its turn now: what they waited for is back."""
        for _, rank, held in self._later:
            heapq.heappush(self._due, (rank, held))
        self._later.clear()

    def _rank(self, held: Held) -> Rank:
        # The ticket keeps entries of one instant in the order in which they came.
        return held.entry.priority, next(self._ticket)


@dataclass(frozen=True)
class Outage:
    """Whether store or bus is away, as far as the last attempts tell."""

    failures: int = 0
    """Attempts in a row that found store or bus away."""

    @property
    def lasting(self) -> bool:
        """Several attempts in a row failed: one entry alone is tried at a time until it ends."""
        return self.failures >= _FAILURES_OF_AN_OUTAGE

    def failed(self) -> "Outage":
        """After another attempt that found store or bus away."""
        return Outage(self.failures + 1)

    def answered(self) -> "Outage":
        """After an attempt that both answered, whatever they said."""
        return Outage()
