"""What a reader of the events wants: from the query to a filter of JetStream and a predicate."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from itertools import product

import msgspec
from msgspec import Struct

from shared import subjects
from shared.bus import StoredMessage
from shared.errors import BadInput, Forbidden
from shared.identity import RECORDING_ID
from shared.keys import Credential, Limit
from shared.messages import ALL_TYPES

NAMES = ("recording", "source", "channel", "type")
"""The filters, as the query names them; each may be repeated."""

RESUME = "last_event_id"
"""The query's twin of the header `Last-Event-ID`."""
TOKEN = "token"  # noqa: S105 - the name of the parameter
"""Shows what the reader may follow."""

_MOST_VALUES = 100
_LONGEST_NAME = 200
_MOST_SUBJECTS = 64


@dataclass(frozen=True)
class Filters:
    """An event passes if each filter that is not empty holds its value."""

    recordings: frozenset[str] = frozenset()
    sources: frozenset[str] = frozenset()
    """Tokens, as in the subject."""
    channels: frozenset[str] = frozenset()
    """Tokens, as in the subject."""
    types: frozenset[str] = frozenset()
    limits: tuple[Limit, ...] = ()
    """What the reader's key reaches; everything if empty."""

    def wants(self, message: StoredMessage) -> bool:
        """Whether the reader wants the message. What is no event of a version is for nobody."""
        match message.subject.split("."):
            case [_, _, source, channel, recording, _, kind]:
                return (
                    (not self.recordings or recording in self.recordings)
                    and (not self.sources or source in self.sources)
                    and (not self.channels or channel in self.channels)
                    and (not self.types or kind in self.types)
                    and (not self.limits or _reached(self.limits, message.data))
                )
            case _:
                return False

    def subjects(self) -> tuple[str, ...]:
        """Filters of JetStream that match whatever is wanted, and not much else.

        Where every combination would be too many, the widest filter is left to `wants`.
        """
        axes = [
            sorted(axis) or ["*"]
            for axis in (self.sources, self.channels, self.recordings, self.types)
        ]
        while _combinations(axes) > _MOST_SUBJECTS:
            widest = max(range(len(axes)), key=lambda at: len(axes[at]))
            axes[widest] = ["*"]
        return tuple(
            f"echobase.events.{source}.{channel}.{recording}.*.{kind}"
            for source, channel, recording, kind in product(*axes)
        )


def parse(query: Iterable[tuple[str, str]]) -> Filters:
    """The filters of a query's pairs of name and value. Raises BadInput, naming the parameter."""
    found: dict[str, set[str]] = {name: set() for name in NAMES}
    for name, value in query:
        if name in (RESUME, TOKEN):
            continue
        if name not in found:
            raise BadInput(
                f"there is no filter {name[:80]!r}",
                field=name,
                limit=f"one of {', '.join((*NAMES, RESUME))}",
            )
        found[name].add(_checked(name, value))
        if len(found[name]) > _MOST_VALUES:
            raise BadInput(
                f"too many values for {name}", field=name, limit=f"at most {_MOST_VALUES}"
            )
    return Filters(
        recordings=frozenset(found["recording"]),
        sources=frozenset(map(subjects.token, found["source"])),
        channels=frozenset(map(subjects.token, found["channel"])),
        types=frozenset(found["type"]),
    )


def granted(wanted: Filters, credential: Credential) -> Filters:
    """What of it a credential opens: within its limits, and within its token's filters.

    Raises Forbidden if a token has nothing of what is wanted.
    """
    if credential.filters:
        given = parse(credential.filters)
        wanted = Filters(
            recordings=_both("recording", wanted.recordings, given.recordings),
            sources=_both("source", wanted.sources, given.sources),
            channels=_both("channel", wanted.channels, given.channels),
            types=_both("type", wanted.types, given.types),
        )
    return replace(wanted, limits=credential.limits)


def _both(name: str, wanted: frozenset[str], given: frozenset[str]) -> frozenset[str]:
    if not wanted or not given:
        return wanted or given
    if not wanted & given:
        raise Forbidden(f"The token is not for this {name}.", field=name)
    return wanted & given


class _Names(Struct):
    """The real names in an event: the subject may hold them encoded."""

    source: str
    channel: str


_NAMES = msgspec.json.Decoder(_Names)


def _reached(limits: tuple[Limit, ...], event: bytes) -> bool:
    try:
        names = _NAMES.decode(event)
    except msgspec.DecodeError:
        return False
    return any(limit.holds(names.source, names.channel) for limit in limits)


def _checked(name: str, value: str) -> str:
    match name:
        case "recording":
            if not RECORDING_ID.match(value):
                raise BadInput(
                    f"not a recording's id: {value[:80]!r}", field=name, limit="32 hex digits"
                )
        case "type":
            if value not in ALL_TYPES:
                raise BadInput(
                    f"there is no type of event {value[:80]!r}",
                    field=name,
                    limit=f"one of {', '.join(ALL_TYPES)}",
                )
        case _:
            if not 0 < len(value) <= _LONGEST_NAME:
                raise BadInput(
                    f"the {name} is empty or too long",
                    field=name,
                    limit=f"1 to {_LONGEST_NAME} characters",
                )
    return value


def _combinations(axes: list[list[str]]) -> int:
    count = 1
    for axis in axes:
        count *= len(axis)
    return count
