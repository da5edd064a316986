"""How much the spool may hold: by bytes, and by what the disk has left."""

from collections.abc import Callable
from dataclasses import dataclass

from shared.errors import Full


@dataclass
class Room:
    """Counts the bytes in the spool, uploads in progress included."""

    most: int
    """Bytes that the spool may hold."""
    least_free: int
    """Bytes that must stay free on the disk."""
    free: Callable[[], int]
    """Asks how many bytes the disk has left."""
    used: int = 0

    def lacking(self, size: int) -> int:
        """Bytes that would have to go before `size` more fit; 0 if they do."""
        over = self.used + size - self.most
        short = self.least_free + size - self.free()
        return max(over, short, 0)

    def take(self, size: int) -> None:
        """Count `size` more bytes. Raises Full if they do not fit."""
        if self.used + size > self.most:
            raise Full(
                f"The spool holds {self.used} of {self.most} bytes (ECHOBASE_SPOOL_MAX_BYTES), and"
                " does not empty; the recording was not taken."
            )
        if self.lacking(size):
            raise Full(
                "The disk of this node has less than"
                f" {self.least_free} bytes left (ECHOBASE_SPOOL_MIN_FREE_BYTES);"
                " the recording was not taken."
            )
        self.used += size

    def give(self, size: int) -> None:
        """Count `size` bytes less."""
        self.used -= size
