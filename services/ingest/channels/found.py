"""What a file of names says, line by line, whatever its format."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

_NUMBER = re.compile(r"[0-9]{1,10}\Z")


@dataclass(frozen=True)
class Found:
    """A channel of a file."""

    line: int
    """Where it stands, from 1."""
    channel: str
    source: str = ""
    """Its source; empty if the file does not say."""
    names: Mapping[str, str] = field(default_factory=dict[str, str])
    """Its label, description, tag and group, as far as the file says them."""


@dataclass(frozen=True)
class Refused:
    """A line that cannot be taken."""

    line: int
    why: str


Row = Found | Refused


def talkgroup(text: str) -> str | None:
    """A talkgroup's number, as calls have it for their channel; None if it is none."""
    number = text.strip()
    return str(int(number)) if _NUMBER.match(number) and int(number) else None
