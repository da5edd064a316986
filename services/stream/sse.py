"""Server-sent events: the frames that go over the wire, and the id by which a reader resumes.

id: <epoch>-<sequence>       the stream's creation, and the event's place in it
event: <type>
data: <the event's JSON as stored>
"""

import re
from typing import NamedTuple

import msgspec

from shared.bus import StoredMessage
from shared.errors import BadInput

_ID = re.compile(r"([A-Za-z0-9_.]{1,64})-([0-9]{1,19})\Z")
_LINE_END = re.compile(rb"\r\n|\r|\n")


class EventId(NamedTuple):
    """Where a reader is: everything up to and with `sequence` is known to it."""

    epoch: str
    sequence: int

    def __str__(self) -> str:
        return f"{self.epoch}-{self.sequence}"


def parse_id(text: str) -> EventId:
    """The id that a reader gave back. Raises BadInput if it has not the form of one."""
    if not (found := _ID.match(text)):
        raise BadInput(
            f"not the id of an event: {text[:80]!r}",
            field="Last-Event-ID",
            limit="<epoch>-<sequence>, as an event's `id:` gave it",
        )
    return EventId(found[1], int(found[2]))


def event_frame(epoch: str, message: StoredMessage) -> bytes:
    """The frame of one stored event."""
    kind = message.subject.rpartition(".")[2]
    return _frame(kind, epoch, message.sequence, message.data)


def gap_frame(reason: str) -> bytes:
    """The frame that says that events may be missing, and why.

    It has no id: a reader keeps its own until the next event brings one.
    """
    return b"event: gap\ndata: %b\n\n" % msgspec.json.encode({"type": "gap", "reason": reason})


def ended_frame(reason: str) -> bytes:
    """The frame that says that the key, session or token ended, and why; nothing comes after it."""
    return b"event: ended\ndata: %b\n\n" % msgspec.json.encode({"type": "ended", "reason": reason})


def comment_frame(text: str) -> bytes:
    """A comment: readers ignore it, and a dead connection shows when it is written."""
    return f": {text}\n\n".encode()


def retry_frame(milliseconds: int) -> bytes:
    """The hint after how long to come back."""
    return f"retry: {milliseconds}\n\n".encode()


def _frame(kind: str, epoch: str, sequence: int, data: bytes) -> bytes:
    head = f"event: {kind}\nid: {epoch}-{sequence}\n".encode()
    if b"\n" not in data and b"\r" not in data:
        return b"%bdata: %b\n\n" % (head, data)
    lines = b"".join(b"data: %b\n" % line for line in _LINE_END.split(data))
    return b"%b%b\n" % (head, lines)
