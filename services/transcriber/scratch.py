"""An attempt's files, which no call on the event loop makes or removes."""

from collections.abc import Generator
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path

from services.transcriber.audio import Audio, decode
from services.transcriber.blocking import in_background

_numbers = count()


class Scratch:
    """A recording on disk: as it was stored, then as samples."""

    def __init__(self, folder: Path) -> None:
        # Files, not a folder of their own: each folder cost the loop a millisecond to make and two
        # to remove, while other threads held the interpreter.
        name = f"recording-{next(_numbers)}"
        self.source = folder / name
        """For the recording as it was stored; gone once it is decoded."""
        self._samples = folder / f"{name}.samples"

    def decode(self) -> Audio:
        """The samples of the recording in `source`; slow, for a thread. Raises NotAudio."""
        try:
            return decode(self.source, self._samples)
        finally:
            self.source.unlink(missing_ok=True)  # who gave up may have removed it

    def remove(self) -> None:
        """Remove what is left; slow if the recording is long."""
        for file in (self.source, self._samples):
            with suppress(OSError):  # the worker's folder goes with the process
                file.unlink(missing_ok=True)


@contextmanager
def scratch(folder: Path) -> Generator[Scratch]:
    """Files in a folder of this process, which are removed in the background afterwards."""
    found = Scratch(folder)
    try:
        yield found
    finally:
        in_background(found.remove)
