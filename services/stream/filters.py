"""What a reader of the events wants: from the query to filters of JetStream and a predicate."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from itertools import combinations, product
from typing import NamedTuple
from urllib.parse import parse_qsl

import msgspec

from shared import subjects
from shared.bus import StoredMessage
from shared.errors import BadInput, Forbidden
from shared.identity import RECORDING_ID
from shared.keys import Credential, Limit, matches
from shared.messages import ALL_TYPES

NAMES = ("recording", "source", "channel", "type")
"""The filters, as the query names them; each may be repeated."""
ALTERNATIVE = "filter"
"""A whole filter of its own, as a query within the query; may be repeated."""
RESUME = "last_event_id"
"""The query's twin of the header `Last-Event-ID`."""
TOKEN = "token"  # noqa: S105 - the parameter's name
"""The query's place for a stream token."""

_MOST_VALUES = 100
_MOST_ALTERNATIVES = 32
_LONGEST_NAME = 200
_MOST_SUBJECTS = 64


class View(NamedTuple):
    """What filters look at in an event."""

    source: str
    """Token of the subject, as are `channel`, `recording`, `version` and `type`."""
    channel: str
    recording: str
    version: str
    type: str
    source_name: str
    """The real name."""
    channel_name: str


class _Names(msgspec.Struct):
    source: str
    channel: str


_decoder = msgspec.json.Decoder(_Names)


def view(message: StoredMessage) -> View | None:
    """What a message says to filters; None if it is no event."""
    found = _by_subject(message.subject)
    if found is None or (found.source_name and found.channel_name):
        return found
    try:
        names = _decoder.decode(message.data)
    except msgspec.DecodeError:
        return None
    return found._replace(source_name=names.source, channel_name=names.channel)


@lru_cache(256)  # the segments of a version have one subject
def _by_subject(subject: str) -> View | None:
    """A name that its token does not tell is empty."""
    match subject.split("."):
        case [_, _, source, channel, recording, version, kind]:
            names = ("" if subjects.is_encoded(each) else each for each in (source, channel))
            return View(source, channel, recording, version, kind, *names)
        case _:
            return None


@dataclass(frozen=True)
class Names:
    """Sources or channels: any of them, or every one if there is none."""

    tokens: frozenset[str] = frozenset()
    """Tokens, as in the subject."""
    patterns: tuple[str, ...] = ()
    """Patterns of the real name, in which `*` stands for any run of characters."""

    def __bool__(self) -> bool:
        return bool(self.tokens or self.patterns)

    def hold(self, token: str, name: str) -> bool:
        """Whether a name is one of them."""
        return (
            not self or token in self.tokens or any(matches(each, name) for each in self.patterns)
        )

    def may_meet(self, other: "Names") -> bool:
        """Whether a name can be one of both; of patterns that is not known."""
        if not self or not other or self.patterns or other.patterns:
            return True
        return bool(self.tokens & other.tokens)

    def axis(self) -> list[str]:
        """Tokens of a JetStream filter that match at least these."""
        return ["*"] if self.patterns or not self.tokens else sorted(self.tokens)


@dataclass(frozen=True)
class Filters:
    """An event passes if each filter that is not empty holds its value."""

    recordings: frozenset[str] = frozenset()
    sources: Names = Names()
    channels: Names = Names()
    types: frozenset[str] = frozenset()
    version: str = ""
    """A version's number; any if empty."""

    def wants(self, event: View) -> bool:
        """Whether the reader wants the event."""
        return (
            (not self.recordings or event.recording in self.recordings)
            and (not self.types or event.type in self.types)
            and self.sources.hold(event.source, event.source_name)
            and self.channels.hold(event.channel, event.channel_name)
            and self.version in ("", event.version)
        )

    def axes(self) -> list[list[str]]:
        """For each token of the subject after `echobase.events`, what it may be."""
        return [
            self.sources.axis(),
            self.channels.axis(),
            sorted(self.recordings) or ["*"],
            [self.version or "*"],
            sorted(self.types) or ["*"],
        ]


@dataclass(frozen=True)
class Wanted:
    """What one reader wants: any of its filters, within the limits of its credential."""

    filters: tuple[Filters, ...] = (Filters(),)
    limits: tuple[Limit, ...] = ()
    """Everything is within them if there is none."""
    within: tuple[Filters, ...] = ()
    """What a stream token opens; everything if there is none."""

    def wants(self, event: View) -> bool:
        """Whether the reader is sent the event."""
        return (
            any(f.wants(event) for f in self.filters)
            and (not self.within or any(f.wants(event) for f in self.within))
            and self._reaches(event)
        )

    def takes(self, message: StoredMessage) -> bool:
        """The same, of a message. What is no event is for nobody."""
        event = view(message)
        return event is not None and self.wants(event)

    @cached_property
    def recordings(self) -> frozenset[str]:
        """The recordings that are named."""
        return _union(f.recordings for f in self.filters)

    @cached_property
    def by_kind(self) -> bool:
        """Whether source, channel and type of an event alone decide."""
        return not any(f.recordings or f.version for f in (*self.filters, *self.within))

    @property
    def from_the_first(self) -> bool:
        """Whether a reader without a position begins with the first event that there is."""
        return all(f.recordings for f in self.filters)

    def subjects(self) -> tuple[str, ...]:
        """Filters of JetStream that match whatever is wanted, and not much else.

        Where every combination would be too many, the widest is left to `wants`; so are filters
        that overlap, which JetStream refuses.
        """
        found = {s for f in self.filters for s in _subjects(f)}
        if len(found) <= _MOST_SUBJECTS and not _any_overlap(found):
            return tuple(sorted(found))
        return _subjects(_hull(self.filters))

    def _reaches(self, event: View) -> bool:
        return not self.limits or any(
            limit.holds(event.source_name, event.channel_name) for limit in self.limits
        )


# Some kilobytes each: whoever follows one recording asks what nobody else does.
@lru_cache(maxsize=512)
def asked(pairs: tuple[tuple[str, str], ...], credential: Credential) -> Wanted:
    """What a query asks for, as far as it is granted; one object for all who ask the same.

    Raises BadInput.
    """
    return granted(parse(pair for pair in pairs if pair[0] not in (RESUME, TOKEN)), credential)


def granted(wanted: Wanted, credential: Credential) -> Wanted:
    """What of it a credential opens: within its limits, and within its token's filters.

    Raises Forbidden if a token has nothing of what is wanted.
    """
    if credential.filters is None:
        return replace(wanted, limits=credential.limits)
    opened = parse(credential.filters).filters
    if wanted.filters == (Filters(),):
        return Wanted(opened, credential.limits)
    apart = [name for one, other in product(wanted.filters, opened) for name in _apart(one, other)]
    if len(apart) >= len(wanted.filters) * len(opened):
        raise Forbidden(f"The token is not for this {apart[0]}.", field=apart[0])
    return Wanted(wanted.filters, credential.limits, opened)


def _apart(one: Filters, other: Filters) -> list[str]:
    """The first filter by which nothing is wanted by both, if there is one."""

    def meet(mine: frozenset[str], theirs: frozenset[str]) -> bool:
        return not mine or not theirs or bool(mine & theirs)

    met = {
        "recording": meet(one.recordings, other.recordings),
        "source": one.sources.may_meet(other.sources),
        "channel": one.channels.may_meet(other.channels),
        "type": meet(one.types, other.types),
    }
    return [name for name, together in met.items() if not together][:1]


def parse(query: Iterable[tuple[str, str]]) -> Wanted:
    """What a query's pairs of name and value ask for. Raises BadInput, naming the parameter."""
    own: list[tuple[str, str]] = []
    others: list[Filters] = []
    for name, value in query:
        if name == ALTERNATIVE:
            others.append(_alternative(value))
        elif name not in (RESUME, TOKEN):
            own.append((name, value))
    if len(others) > _MOST_ALTERNATIVES:
        raise BadInput("too many filters", field=ALTERNATIVE, limit=f"at most {_MOST_ALTERNATIVES}")
    filters = [_conjunction(own)] if own or not others else []
    return Wanted((*filters, *others))


def parse_subject(pattern: str) -> Wanted:
    """What a subject under `echobase.events` asks for, with NATS' `*` and a `>` at its end.

    Raises BadInput.
    """
    tokens = pattern.split(".")
    if tokens[-1] == ">":
        tokens = [*tokens[:-1], *["*"] * (8 - len(tokens))]
    if tokens[:2] != ["echobase", "events"] or len(tokens) != 7:
        raise BadInput(
            f"not a subject of events: {pattern[:200]!r}",
            field="subject",
            limit="echobase.events.<source>.<channel>.<recording>.<version>.<type>, with * and >",
        )
    if not all(token == "*" or subjects.is_token(token) for token in tokens):  # noqa: S105
        raise BadInput(
            f"a token of {pattern[:200]!r} is none",
            field="subject",
            limit="letters, digits, `_` and `-`, at most 64, or `*`",
        )
    source, channel, recording, version, kind = (
        frozenset(() if token == "*" else (token,))  # noqa: S105
        for token in tokens[2:]
    )
    filters = Filters(recording, Names(source), Names(channel), kind, "".join(version))
    return Wanted((filters,))


def _alternative(value: str) -> Filters:
    try:
        pairs = parse_qsl(value, keep_blank_values=True, strict_parsing=True, errors="strict")
    except ValueError:
        pairs = []
    if not pairs:
        raise BadInput(
            f"not a filter: {value[:80]!r}",
            field=ALTERNATIVE,
            limit="a query such as source=county&type=segment, percent-encoded",
        )
    return _conjunction(pairs)


def _conjunction(query: Iterable[tuple[str, str]]) -> Filters:
    found: dict[str, set[str]] = {name: set() for name in NAMES}
    for name, value in query:
        if name not in found:
            raise BadInput(
                f"there is no filter {name[:80]!r}",
                field=name,
                limit=f"one of {', '.join((*NAMES, ALTERNATIVE, RESUME))}",
            )
        _CHECKS.get(name, _check_name)(name, value)
        found[name].add(value)
        if len(found[name]) > _MOST_VALUES:
            raise BadInput(
                f"too many values for {name}", field=name, limit=f"at most {_MOST_VALUES}"
            )
    return Filters(
        recordings=frozenset(found["recording"]),
        sources=_named(found["source"]),
        channels=_named(found["channel"]),
        types=frozenset(found["type"]),
    )


def _named(values: Iterable[str]) -> Names:
    patterns = {value for value in values if "*" in value}
    return Names(
        frozenset(subjects.token(value) for value in values if value not in patterns),
        tuple(sorted(patterns)),
    )


def _check_recording(name: str, value: str) -> None:
    if not RECORDING_ID.match(value):
        raise BadInput(f"not a recording's id: {value[:80]!r}", field=name, limit="32 hex digits")


def _check_type(name: str, value: str) -> None:
    if value not in ALL_TYPES:
        raise BadInput(
            f"there is no type of event {value[:80]!r}",
            field=name,
            limit=f"one of {', '.join(ALL_TYPES)}",
        )


def _check_name(name: str, value: str) -> None:
    if not 0 < len(value) <= _LONGEST_NAME:
        raise BadInput(
            f"the {name} is empty or too long",
            field=name,
            limit=f"1 to {_LONGEST_NAME} characters",
        )


_CHECKS: Mapping[str, Callable[[str, str], None]] = {
    "recording": _check_recording,
    "type": _check_type,
}


def _subjects(filters: Filters) -> tuple[str, ...]:
    axes = filters.axes()
    while _combinations(axes) > _MOST_SUBJECTS:
        widest = max(range(len(axes)), key=lambda at: len(axes[at]))
        axes[widest] = ["*"]
    return tuple(f"echobase.events.{'.'.join(tokens)}" for tokens in product(*axes))


def _hull(filters: Iterable[Filters]) -> Filters:
    """One filter that wants whatever any of them wants."""
    each = list(filters)

    def joined(values: Iterable[frozenset[str]]) -> frozenset[str]:
        found = list(values)
        return _union(found) if all(found) else frozenset()

    def names(values: Iterable[Names]) -> Names:
        found = list(values)
        if not all(value and not value.patterns for value in found):
            return Names()
        return Names(_union(value.tokens for value in found))

    return Filters(
        recordings=joined(f.recordings for f in each),
        sources=names(f.sources for f in each),
        channels=names(f.channels for f in each),
        types=joined(f.types for f in each),
    )


def _union(sets: Iterable[frozenset[str]]) -> frozenset[str]:
    return frozenset(value for each in sets for value in each)


def _any_overlap(found: Iterable[str]) -> bool:
    return any(
        all(a == b or "*" in (a, b) for a, b in zip(one.split("."), other.split("."), strict=True))
        for one, other in combinations(found, 2)
    )


def _combinations(axes: list[list[str]]) -> int:
    count = 1
    for axis in axes:
        count *= len(axis)
    return count
