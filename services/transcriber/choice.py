"""Where and how a model runs."""

from dataclasses import dataclass
from math import ceil


@dataclass(frozen=True)
class Choice:
    """Where and how the model runs."""

    device: str
    """`cpu` or `cuda`."""
    compute_type: str
    """CTranslate2's name of it."""
    threads: int
    """Threads of one call on a CPU."""
    workers: int
    """Calls of the model at a time, each with that many threads."""
    batch: int
    """Most windows that one call decodes together."""
    reason: str
    """Why, for the log."""
    devices: int = 1
    """GPUs that share the calls, each with the whole model in its memory; 1 on a CPU."""

    @property
    def replicas(self) -> int:
        """Calls at a time on each device."""
        return ceil(self.workers / self.devices)
