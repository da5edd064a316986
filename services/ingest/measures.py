"""Ingest's metrics: uploads, their bytes, and what waits in the spool."""

from collections.abc import Callable, Generator, Iterable
from contextlib import contextmanager

from opentelemetry.metrics import CallbackOptions, Observation

from services.ingest.entry import Held
from services.ingest.forwarder import Backlog
from shared.errors import EchoBaseError
from shared.telemetry import meter

_uploads = meter.create_counter("echobase.ingest.uploads", "{upload}", "Uploads by their outcome")
_bytes = meter.create_counter("echobase.ingest.upload.size", "By", "Bytes of accepted audio")


class Outcome:
    """How an upload ended."""

    def __init__(self) -> None:
        """Not yet."""
        self.name = "failed"
        self.size = 0

    def taken(self, held: Held, new: bool) -> None:
        """It was accepted, or was there already."""
        self.name = "accepted" if new else "known"
        self.size = held.entry.recording.size if new else 0


class Measures:
    """Counts uploads, and tells of the spool whenever the meter asks."""

    def __init__(self, backlog: Callable[[], Backlog], used: Callable[[], int]) -> None:
        """`used`: bytes in the spool."""
        gauges: tuple[tuple[str, str, str, Callable[[], float]], ...] = (
            ("waiting", "{recording}", "Recordings that wait", lambda: backlog().count),
            ("waiting.size", "By", "Bytes that wait", lambda: backlog().size),
            ("waiting.age", "s", "Seconds since the oldest came", lambda: backlog().age),
            ("used", "By", "Bytes in the spool", used),
        )
        for name, unit, description, read in gauges:
            meter.create_observable_gauge(
                f"echobase.ingest.spool.{name}", [_observe(read)], unit, description
            )

    @contextmanager
    def upload(self) -> Generator[Outcome, None, None]:
        """Count one upload by the outcome that the context leaves, or the error that ends it."""
        outcome = Outcome()
        try:
            yield outcome
        except EchoBaseError as error:
            outcome.name = error.code
            raise
        finally:
            _uploads.add(1, {"outcome": outcome.name})
            _bytes.add(outcome.size)


def _observe(read: Callable[[], float]) -> Callable[[CallbackOptions], Iterable[Observation]]:
    def observe(_: CallbackOptions) -> Iterable[Observation]:
        return [Observation(read())]

    return observe
