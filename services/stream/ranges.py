"""Which bytes of a file a `Range` header asks for (RFC 9110, one range)."""

import re
from dataclasses import dataclass

_RANGE = re.compile(r"bytes=([0-9]{0,19})-([0-9]{0,19})\Z")


@dataclass(frozen=True)
class Span:
    """Bytes `start` to `stop`, `stop` not among them."""

    start: int
    stop: int

    @property
    def length(self) -> int:
        """How many bytes they are."""
        return self.stop - self.start


class Unsatisfiable(Exception):
    """The range holds no byte of the file."""


def parse_range(header: str | None, size: int) -> Span | None:
    """The bytes asked for; None if the whole file is to be sent.

    A header that is malformed, or that holds several ranges, counts as none, as the RFC allows.
    Raises Unsatisfiable.
    """
    found = _RANGE.match("".join(header.split())) if header else None
    if not found or found[0] == "bytes=-":
        return None
    first, last = found.groups()
    if not first:
        span = Span(max(0, size - int(last)), size)
    else:
        if last and int(last) < int(first):
            return None
        span = Span(int(first), min(int(last) + 1, size) if last else size)
    if span.length <= 0:
        raise Unsatisfiable
    return span
