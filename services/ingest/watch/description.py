"""What a file of the watched folder is a recording of."""

import unicodedata
from dataclasses import replace
from datetime import tzinfo

import msgspec

from services.ingest.radio.call import Call
from services.ingest.submission import FIELDS, NAME, Description
from services.ingest.watch import sdrtrunk
from services.ingest.watch.names import Group, shown
from services.ingest.watch.sdrtrunk import Tags

SOURCE, CHANNEL = "watch", "default"
"""Of a file that lies directly in the folder, and says nothing of itself."""
LIVE = 3600.0
"""Seconds after which what was written is no longer urgent to anybody: it goes into the lane
`backfill`, so that years of old recordings keep no call waiting."""


def describe(
    group: Group,
    call: Call | None,
    tags: Tags,
    duration: float,
    zone: tzinfo | None,
    suffix: str = ".wav",
) -> Description:
    """What is kept of a file: `call` if trunk-recorder told of it, else by its tags or its place.

    `duration` is in seconds; `zone` that of SDRTrunk's clock.
    """
    found = call or sdrtrunk.read(group.stem, tags, duration, zone) or Call()
    source, channel = place(group.folder)
    return replace(
        found,
        source=clean(found.source) or source,
        channel=clean(found.channel) or channel,
        filename=shown(group.stem + suffix),
    ).description()


def place(folder: str) -> tuple[str, str]:
    """Source and channel by where a file lies: `<source>/<channel>/…`."""
    names = [name for name in map(clean, folder.split("/")) if name]
    source, channel, *_ = *names, *(SOURCE, CHANNEL)[len(names) :], CHANNEL
    return source, channel


def clean(name: str) -> str:
    """A name as sources and channels may have it, in one form wherever it comes from."""
    text = unicodedata.normalize("NFC", shown(name))
    kept = (c for c in text if unicodedata.category(c) not in ("Cc", "Cf", "Zl", "Zp"))
    return str(FIELDS["source"].read("".join(kept)[:NAME].strip()))


def timed(said: Description, age: float) -> Description:
    """The same in the lane for a file that was written `age` seconds ago."""
    return msgspec.structs.replace(said, lane="backfill") if _is_old(said, age) else said


def _is_old(said: Description, age: float) -> bool:
    return said.lane is None and age > LIVE
