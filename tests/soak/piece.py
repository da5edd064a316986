"""A piece of bad input: what is sent, and which answers to it are right."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Right = Literal["refused", "either", "protocol", "silence"]
"""What is right: `refused` a problem that names the field; `either` that, or it is audio after all
and comes to an end; `protocol` any 4xx, since it is no HTTP; `silence` no answer, since the caller
has left."""

OCTETS = {"Content-Type": "application/octet-stream"}


@dataclass(frozen=True)
class Upload:
    """A request to `POST /v1/recordings`."""

    kind: str
    body: bytes
    right: Right = "refused"
    named: str = "file"
    """The field that a refusal names."""
    query: Mapping[str, str | bytes] = field(default_factory=dict[str, str | bytes])
    headers: Mapping[str, str] = field(default_factory=lambda: dict(OCTETS))
    length: str | None = None
    """What Content-Length says; the truth if None, no such header if empty."""


@dataclass(frozen=True)
class Wire:
    """Bytes for ingest's port that are no request, or not all of one."""

    kind: str
    sent: bytes
    right: Right


@dataclass(frozen=True)
class BadJob:
    """A message in the job queue that no transcriber can read."""

    kind: str
    payload: bytes


@dataclass(frozen=True)
class Submission:
    """A message to SUBMIT."""

    kind: str
    payload: bytes
    named: str = ""
    """The field that its refusal names; whichever if empty."""
    right: Right = "refused"
    token: str = "soak"
    """What stands in the subject for the source."""


Piece = Upload | Wire | BadJob | Submission
