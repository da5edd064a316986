"""A radio call as a door understood it, whoever sent it. The names in its metadata:

system talkgroup                        whole numbers, as the sender counts them
system_label talkgroup_label talkgroup_name talkgroup_group talkgroup_groups talkgroup_tag
site unit unit_label talker_alias       who spoke, and through what
frequency frequencies errors spikes     in Hz; how well it was received
sources units                           who spoke when: {"src": 1701, "pos": 0.5, "tag": …}
patches emergency length audio_type
more                                    what else was sent, by the sender's own names
left_out                                names of what was too large to keep
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import cast

import msgspec

from services.ingest.submission import DEPTH, FILENAME, METADATA, Description
from shared.messages import Metadata

MORE = "more"
_LEFT_OUT = "left_out"
_EMERGENCY = "emergency"
_NAMES_LEFT_OUT = 20
_LONGEST_NAME = 40


@dataclass(frozen=True)
class Call:
    """What was said of a call."""

    source: str = ""
    """Its system; empty if that was not said."""
    channel: str = ""
    """Its talkgroup; empty if that was not said."""
    start: datetime | None = None
    filename: str = ""
    metadata: Metadata = field(default_factory=Metadata)

    @property
    def is_emergency(self) -> bool:
        """Whether the radio, or one that spoke, had its emergency button pressed."""
        speakers = cast(Iterable[Mapping[str, object]], self.metadata.get("sources", ()))
        said = (self.metadata, *speakers)
        return any(each.get(_EMERGENCY) in (1, True) for each in said)

    def over(self, other: "Call") -> "Call":
        """This call, and of the other one what this does not say."""
        more = {**_more(other.metadata), **_more(self.metadata)}
        return Call(
            source=self.source or other.source,
            channel=self.channel or other.channel,
            start=self.start or other.start,
            filename=self.filename or other.filename,
            metadata={**other.metadata, **self.metadata, **({MORE: more} if more else {})},
        )

    def without_source(self) -> "Call":
        """The same, of no system."""
        return replace(self, source="")

    def description(self) -> Description:
        """What is kept of it; its source and channel must be there."""
        return Description(
            source=self.source,
            channel=self.channel,
            start=self.start,
            lane="urgent" if self.is_emergency else None,
            metadata=fitted(with_unit(self.metadata)),
            filename=_name_of(self.filename),
        )


def with_unit(metadata: Metadata) -> Metadata:
    """The metadata, with the unit that spoke first if it is not named, and its label."""
    speakers = [
        (row.get("src", row.get("id")), row.get("tag") or row.get("label"))
        for name in ("sources", "units")
        for row in cast(list[dict[str, object]], metadata.get(name, []))
    ]
    known = [(unit, label) for unit, label in speakers if isinstance(unit, int) and unit > 0]
    unit = metadata.get("unit") or next((unit for unit, _ in known), None)
    label = next((label for each, label in known if each == unit and label), None)
    found = {"unit": unit, "unit_label": metadata.get("unit_label") or label}
    return {**metadata, **{name: value for name, value in found.items() if value}}


def fitted(metadata: Metadata, most: int = METADATA) -> Metadata:
    """The metadata in `most` bytes of JSON: it goes into every event.

    The largest values are left out, or of a list its end, those first that no protocol names;
    `left_out` says which.
    """
    more = {name: value for name, value in _more(metadata).items() if not _is_deep(value)}
    kept = {name: value for name, value in metadata.items() if name != MORE}
    excess = _size({**kept, MORE: more, _LEFT_OUT: []}) - most
    left_out: list[str] = []
    for values in (more, kept):
        for name in sorted(values, key=lambda name: _size([name, values[name]]), reverse=True):
            if excess <= 0:
                break
            excess -= _cut(values, name, excess)
            if len(left_out) < _NAMES_LEFT_OUT:
                left_out.append(name[:_LONGEST_NAME])
                excess += _size(left_out[-1:])
    rest = {MORE: more, _LEFT_OUT: left_out}
    return {**kept, **{name: value for name, value in rest.items() if value}}


def _cut(values: dict[str, object], name: str, excess: int) -> int:
    """Take a value out, or as much of a list as there is too much; returns the bytes of it."""
    size = _size([name, values[name]])
    value = values.pop(name)
    if isinstance(value, list):
        rows = cast(list[object], value)
        while rows and size - _size([name, rows]) < excess + _LONGEST_NAME:
            rows = rows[: len(rows) // 2]
        if rows:
            values[name] = rows
            return size - _size([name, rows])
    return size - 1


def _more(metadata: Metadata) -> dict[str, object]:
    return dict(cast(Mapping[str, object], metadata.get(MORE, {})))


def _size(value: object) -> int:
    return len(msgspec.json.encode(value))


def _is_deep(value: object, levels: int = DEPTH - 2) -> bool:
    """Whether a value has more levels than what others send may have, two of which are ours."""
    if isinstance(value, dict):
        inner = list(cast(dict[str, object], value).values())
    elif isinstance(value, list):
        inner = cast(list[object], value)
    else:
        return False
    return levels <= 0 or any(_is_deep(each, levels - 1) for each in inner)


def _name_of(path: str) -> str | None:
    """A file's name, of what may be a path of some other system, in a form that may be kept."""
    name = path.replace("\\", "/").rsplit("/", 1)[-1]
    name = "".join(c for c in name if c.isprintable()).strip()
    return name[-FILENAME:] or None
