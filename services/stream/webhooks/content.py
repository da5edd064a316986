"""What is posted: Standard Webhooks' `type`, `timestamp` and `data`.

`data` is the event as EVENTS has it, but for the key of the transcript in the store, which is of no
use to others, and with the text and the addresses under which the rest is to be had.
"""

from typing import cast

import msgspec

from services.stream.recordings import Links
from shared.errors import BadMessage

LONGEST_TEXT = 256 * 1024
"""Bytes of a transcript's text, in UTF-8, beyond which it is left out."""


def event(data: bytes) -> dict[str, object]:
    """The fields of an event. Raises BadMessage."""
    try:
        return msgspec.json.decode(data, type=dict[str, object])
    except msgspec.DecodeError as error:
        raise BadMessage(f"does not decode as an event: {error}") from error


def body(fields: dict[str, object], text: str | None, links: Links) -> bytes:
    """The body for an event; `text`: the transcript's, None if there is none to give.

    Raises BadMessage if it is none of ours.
    """
    try:
        recording, version = str(fields["recording"]), cast(int, fields["version"])
        data = {name: value for name, value in fields.items() if name not in _LEFT_OUT}
        if fields["type"] == "completed":
            fits = text is not None and len(text.encode()) <= LONGEST_TEXT
            data["text"] = text if fits else None
        data["links"] = _links(recording, version, str(fields["type"]), links.stream)
        return _encode(str(fields["type"]), fields["time"], data)
    except KeyError as error:
        raise BadMessage(f"the event lacks {error}") from error


def trial_body(receiver: str, time: str) -> bytes:
    """The body of a post to try a receiver with; `time` in RFC 3339."""
    return _encode("test", time, {"webhook": receiver})


_LEFT_OUT = ("type", "transcript")


def _links(recording: str, version: int, type: str, root: str) -> dict[str, str]:
    address = f"{root}/v1/recordings/{recording}"
    links = {"recording": address, "audio": f"{address}/audio"}
    if type == "completed":
        links["transcript"] = f"{address}/transcript.json?version={version}"
    return links


def _encode(type: str, time: object, data: dict[str, object]) -> bytes:
    return msgspec.json.encode({"type": type, "timestamp": time, "data": data})
