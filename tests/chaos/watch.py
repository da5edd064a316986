"""What the transcribers' logs tell: who has what in hand, and what was done."""

from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import msgspec
from msgspec import Struct

from tests.chaos.history import Traces

_FENCED = "another worker owns the version: its job is left alone"
_ENDS = frozenset({"completed", "handed back", _FENCED})


class _Line(Struct):
    message: str
    recording: str | None = None
    version: int | None = None
    chunk: int | None = None
    delivery: int | None = None
    code: str | None = None


class _Log:
    """One process's log, read as it grows."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._offset = 0
        self.in_hand: dict[str, int] = {}
        """Each recording that it works on, and how many of its chunks it was seen to begin."""
        self.fenced = 0

    def lines(self) -> list[_Line]:
        """What was added, less a line that is still being written."""
        try:
            with self._path.open("rb") as file:
                file.seek(self._offset)
                added = file.read()
        except FileNotFoundError:
            return []
        whole = added[: added.rfind(b"\n") + 1]
        self._offset += len(whole)
        return [line for raw in whole.splitlines() if (line := _decode(raw)) is not None]


class Watch:
    """The logs of some transcribers."""

    def __init__(self, logs: Mapping[str, Path]) -> None:
        """`logs` by the worker's name in the stack."""
        self._logs = {name: _Log(path) for name, path in logs.items()}
        self._decoded: Counter[tuple[str, int, int]] = Counter()
        self._redelivered = 0
        self._last_start: dict[str, str] = {}

    def poll(self) -> None:
        """Read what was added."""
        for name, log in self._logs.items():
            for line in log.lines():
                self._take(name, log, line)

    def is_busy(self, worker: str) -> bool:
        """Whether a worker has anything in hand."""
        self.poll()
        return bool(self._logs[worker].in_hand)

    def who_has(self, recording: str, chunks: int = 0) -> str | None:
        """The worker that has a recording in hand and has begun so many of its chunks."""
        self.poll()
        for name, log in self._logs.items():
            if recording in log.in_hand:
                return name if log.in_hand[recording] >= chunks else None
        return None

    def last_start(self, recording: str) -> str | None:
        """The worker that started a recording last."""
        self.poll()
        return self._last_start.get(recording)

    def fenced(self, worker: str) -> int:
        """How often a worker was kept from writing."""
        self.poll()
        return self._logs[worker].fenced

    def forget(self, worker: str) -> None:
        """A worker was killed, and has nothing in hand any more."""
        self.poll()
        self._logs[worker].in_hand.clear()

    def traces(self) -> Traces:
        """All that was seen."""
        self.poll()
        fenced = sum(log.fenced for log in self._logs.values())
        return Traces(dict(self._decoded), fenced, self._redelivered)

    def _take(self, name: str, log: _Log, line: _Line) -> None:
        if line.delivery is not None and line.delivery > 1:
            self._redelivered += 1
        if line.message == _FENCED:
            log.fenced += 1
        if line.message == "started up":
            log.in_hand.clear()
        if line.recording is not None:
            self._take_of(name, log, line, line.recording)

    def _take_of(self, name: str, log: _Log, line: _Line, recording: str) -> None:
        if line.message == "started":
            log.in_hand[recording] = 0
            self._last_start[recording] = name
        elif line.message in _ENDS or line.code is not None:
            log.in_hand.pop(recording, None)
        elif line.message == "decoding" and line.chunk is not None:
            self._decoded[recording, line.version or 0, line.chunk] += 1
            if recording in log.in_hand:
                log.in_hand[recording] += 1


def _decode(raw: bytes) -> _Line | None:
    try:
        return msgspec.json.decode(raw, type=_Line)
    except msgspec.DecodeError:
        return None  # What a library wrote, or what was cut off by a kill.
