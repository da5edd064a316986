"""Whether a client was sent everything that it wants, once and in order, by the events' numbers.

Clients of one filter are to be sent the same bytes. So each number is read only the first time that
its frame comes to any of them; for all others the bytes are compared, which takes no time. Where
they differ, as by a heartbeat in between, the numbers are read again.
"""

import re
from bisect import bisect_right
from collections.abc import Iterable

_NUMBER = re.compile(rb'"index":(\d+)')
_FRAME_END = b"\n\n"


class Expected:
    """What all clients of one filter are to be sent; shared by them."""

    def __init__(self, numbers: Iterable[int]) -> None:
        self._numbers = list(numbers)
        self._places = {b"%d" % number: place for place, number in enumerate(self._numbers)}
        self.frames = bytearray()
        """The frames of the first ones, as they came to whoever was first."""
        self.ends = [0]
        """Where in `frames` the frames of so many events end."""

    def up_to(self, number: int) -> int:
        """How many of them there are up to a number, itself included."""
        return bisect_right(self._numbers, number)

    def place(self, text: bytes) -> int | None:
        """Where a number is among them."""
        return self._places.get(text)

    def learn(self, frames: bytes, count: int) -> None:
        """In these frames are just so many of them, the next ones."""
        for frame in frames.split(_FRAME_END)[:-1]:
            if _NUMBER.search(frame):
                self.frames += frame + _FRAME_END
                self.ends.append(len(self.frames))
                count -= 1
        assert count == 0


class Contiguity:
    """One client's account."""

    __slots__ = ("_at", "_offset", "doubled", "expected", "foreign", "missing")

    def __init__(self, expected: Expected) -> None:
        self.expected = expected
        self._at: int | None = 0
        """How many it is through with; None if only `_offset` says so."""
        self._offset = 0
        """Where in the expected frames it is; behind their end if it is ahead of them."""
        self.missing = 0
        """Numbers that were left out when a later one came."""
        self.doubled = 0
        """Numbers that came again, or too late."""
        self.foreign = 0
        """Numbers that it does not want."""

    @property
    def at(self) -> int:
        """How many of the expected ones it is through with."""
        if self._at is None:
            self._at = bisect_right(self.expected.ends, self._offset) - 1
        return self._at

    @property
    def fault(self) -> str:
        """What was wrong; empty if nothing."""
        counts = {"missing": self.missing, "doubled": self.doubled, "foreign": self.foreign}
        return ", ".join(f"{count} {name}" for name, count in counts.items() if count)

    def take(self, frames: bytes) -> bool:
        """These frames came, one after another; whether another client was sent just the same."""
        if not self.expected.frames.startswith(frames, self._offset):
            self._read(frames)
            return False
        self._offset, self._at = self._offset + len(frames), None
        return True

    def _read(self, frames: bytes) -> None:
        expected, begin, fault = self.expected, self.at, self.fault
        numbers: list[bytes] = _NUMBER.findall(frames)
        for number in numbers:
            self._take(number)
        if begin == len(expected.ends) - 1 and self.fault == fault:
            expected.learn(frames, len(numbers))
        known = self.at < len(expected.ends)
        self._offset = expected.ends[self.at] if known else len(expected.frames) + 1

    def _take(self, number: bytes) -> None:
        at, place = self.at, self.expected.place(number)
        if place is None:
            self.foreign += 1
        elif place < at:
            self.doubled += 1
        else:
            self.missing += place - at
            self._at = place + 1
