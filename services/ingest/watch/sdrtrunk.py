"""What SDRTrunk says of a call: its tags, and the name of its file.

    yyyyMMdd_HHmmss_<System>_<Site>_<Channel>__TO_<to>_FROM_<from>[_TONES_…][_V2].mp3

of which older versions have no `_` after the time. System, site and channel may hold `_`
themselves, so the tags count, which both kinds of its files have (ID3 in mp3; LIST and ID3 in wav):

    title     <to>"alias","another"     artist    <from> alias
    album     channel                   comment   Date:…;System:…;Site:…;Name:…;Frequency:…;

`Date`, as the time in the name, is when the file was written, after the call's end, by the local
clock; so the call began its own length earlier. In the hour that comes twice a year it counts as
the first.
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, tzinfo

from services.ingest.radio import values
from services.ingest.radio.call import MORE, Call
from shared.messages import Metadata

Tags = Mapping[str, str]
"""By FFmpeg's names, in lower case."""

_KEYS = ("Date", "System", "Site", "Name", "Decoder", "Channel", "Frequency")
"""Of the comment."""
_NAME = re.compile(
    r"(?P<time>[0-9]{8}_[0-9]{6})_?(?P<label>.*?)"
    r"(?:_TO_(?P<to>.+?))?(?:_FROM_(?P<from>.+?))?"
    r"(?:(?:_WITH)?_TONES(?:_.*?)?)?(?:_V[0-9]+)?(?:_WITH_TONES)?\Z",
    re.DOTALL,
)
_TITLE = re.compile(r'\s*(?P<to>[^"]*?)\s*(?:"(?P<alias>.*)"\s*)?\Z', re.DOTALL)
_PATCH = re.compile(r"\s*P?:?\s*(?P<group>[0-9]+)\s*\[(?P<patched>[0-9,\s]*)\]")
_NUMBER = re.compile(r"\s*(?:P:?|ISSI |ROAM )?\s*(?P<number>[0-9]+)(?![0-9.-])")
_ADDRESS = re.compile(
    r"\s*(?:ISSI |ROAM )?(?P<id>\S+)(?:\s+\([^()]*\))?\s*(?P<alias>.*)", re.DOTALL
)


def read(stem: str, tags: Tags, duration: float, zone: tzinfo | None) -> Call | None:
    """The call of a file's stem and tags, which lasts `duration` seconds; None if it is not its.

    `zone` is that of its clock; this machine's if None. The source is empty if no system is named.
    """
    comment = _comment(tags.get("comment", ""))
    named = _NAME.match(stem)
    if named is not None and named["to"] is None and named["from"] is None:
        named = None
    # Others write a date into a comment too.
    if named is None and not ("Date" in comment and len(comment) > 1):
        return None
    parts = {k: v or "" for k, v in named.groupdict().items()} if named else {}
    written = _date(comment.get("Date", ""), "%Y-%m-%d %H:%M:%S.%f", zone) or _date(
        parts.get("time", ""), "%Y%m%d_%H%M%S", zone
    )
    metadata = _metadata(parts, tags, comment)
    label = parts.get("label", "").strip("_ ")
    return Call(
        source=str(metadata.get("system_label", label)),
        channel=str(metadata.get("talkgroup") or _to(parts, tags) or tags.get("album", "").strip()),
        start=written and written - timedelta(milliseconds=round(duration * 1000)),
        metadata=metadata,
    )


def _metadata(parts: Mapping[str, str], tags: Tags, comment: Mapping[str, str]) -> Metadata:
    title, artist = _title(tags), _ADDRESS.match(tags.get("artist", ""))
    patch = _PATCH.match(title[0])
    found: Metadata = {
        "system_label": comment.get("System") or tags.get("grouping") or tags.get("isbj"),
        "site": comment.get("Site"),
        "talkgroup": values.whole(patch["group"]) if patch else _number(_to(parts, tags)),
        "talkgroup_label": title[1],
        "patches": values.numbers(patch["patched"]) if patch else None,
        "unit": _number(parts.get("from") or (artist["id"] if artist else "")),
        "unit_label": artist["alias"].strip() if artist else None,
        "frequency": values.rounded(comment.get("Frequency", "")),
        MORE: {key: comment[key] for key in ("Name", "Decoder", "Channel") if comment.get(key)},
    }
    return {name: value for name, value in found.items() if value}


def _comment(text: str) -> dict[str, str]:
    """The values of a comment by their keys; what stands before the first key is left out."""
    found: dict[str, str] = {}
    last = ""
    for piece in text.split(";"):
        key, colon, value = piece.partition(":")
        if colon and key in _KEYS and key not in found:
            found[key] = value
            last = key
        elif last and piece:
            found[last] += f";{piece}"  # names may hold a semicolon
    return {key: value.strip() for key, value in found.items()}


def _title(tags: Tags) -> tuple[str, str]:
    """To whom, and its first alias."""
    found = _TITLE.match(tags.get("title", ""))
    if found is None:
        return "", ""
    return found["to"], (found["alias"] or "").split('","')[0].strip()


def _to(parts: Mapping[str, str], tags: Tags) -> str:
    return parts.get("to") or _title(tags)[0]


def _number(text: str) -> int | None:
    found = _NUMBER.match(text)
    return values.whole(found["number"]) if found else None


def _date(text: str, form: str, zone: tzinfo | None) -> datetime | None:
    try:
        local = datetime.strptime(text, form)
        written = local.replace(tzinfo=zone) if zone else local
        return values.instant(str(written.astimezone(UTC).timestamp()))
    except (ValueError, OverflowError, OSError):
        return None
