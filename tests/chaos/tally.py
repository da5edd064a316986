"""Counts what is done to a stack."""

from collections import Counter
from dataclasses import dataclass, field

from tests.chaos.history import Disturbances
from tests.chaos.stack import TRANSCRIBERS


@dataclass
class Tally:
    """What was done so far."""

    kills: Counter[str] = field(default_factory=Counter[str])
    """Processes that were killed."""
    others: Counter[str] = field(default_factory=Counter[str])
    """What else was done."""
    interrupted: int = 0
    """Jobs in hand that were torn from their worker at most."""
    pauses: int = 0
    """Workers that slept while their job became another's."""
    impolite: list[str] = field(default_factory=list[str])
    """Services that did not end as they should when asked to."""

    @property
    def disturbances(self) -> Disturbances:
        """What bears on what may happen."""
        return Disturbances(self.interrupted, self.pauses, tuple(self.impolite))

    def killed(self, name: str) -> None:
        """Count a kill."""
        self.kills[name] += 1
        self.unanswered(name)

    def unanswered(self, name: str) -> None:
        """Count what it may cost that a process does not answer for a while."""
        if name in TRANSCRIBERS:
            self.interrupted += 1
        elif name == "nats-server":
            # No worker can say that it still works: its job may be given to another.
            self.interrupted += len(TRANSCRIBERS)
