"""The recordings that come with EchoBase."""

from pathlib import Path

import msgspec
from msgspec import Struct

FOLDER = Path(__file__).parent / "samples"


class Sample(Struct, frozen=True):
    """One bundled recording."""

    file: str
    source: str
    channel: str
    text: str
    """What is said in it."""
    duration: float
    """Seconds."""

    @property
    def path(self) -> Path:
        """Where it lies."""
        return FOLDER / self.file


def samples() -> list[Sample]:
    """All of them."""
    return msgspec.json.decode((FOLDER / "samples.json").read_bytes(), type=list[Sample])
