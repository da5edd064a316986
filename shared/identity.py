"""A recording's id: the same call sent twice is the same recording.

    id = first 32 hex digits of SHA-256( canonical )
    canonical = JSON ["echobase.recording.1", source, channel, start, sha256], no spaces, UTF-8
    start = "YYYY-MM-DDTHH:MM:SS.mmmZ" in UTC if the caller gave one, else null
    sha256 = the audio file's SHA-256, 64 lower-case hex digits

The README holds test vectors.
"""

import hashlib
import re
from datetime import UTC, datetime

import msgspec

RECORDING_ID = re.compile(r"[0-9a-f]{32}\Z")


def recording_id(source: str, channel: str, start: datetime | None, sha256: str) -> str:
    """The id of a recording; `start` must be aware, and counts to the millisecond."""
    canonical = msgspec.json.encode(
        ["echobase.recording.1", source, channel, _instant(start), sha256]
    )
    return hashlib.sha256(canonical).hexdigest()[:32]


def _instant(start: datetime | None) -> str | None:
    if start is None:
        return None
    return start.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
