"""What a caller wants of the history, read from an URL's query."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated

import msgspec
from msgspec import Meta

from services.stream.found import STATUSES, Status
from services.stream.history.terms import terms
from shared.errors import BadInput
from shared.keys import Limit

MOST = 500
"""Recordings on a page."""
_LONGEST_NAME = 200
_Time = Annotated[datetime, Meta(tz=True)]


@dataclass(frozen=True)
class Wanted:
    """Which recordings, and from where on; a filter that is empty always holds."""

    sources: frozenset[str] = frozenset()
    """Names, or patterns in which `*` stands for any run of characters."""
    channels: frozenset[str] = frozenset()
    statuses: frozenset[Status] = frozenset()
    since: datetime | None = None
    until: datetime | None = None
    q: str = ""
    """A query of FTS5."""
    min_confidence: float | None = None
    max_confidence: float | None = None
    needs_review: bool | None = None
    corrected: bool | None = None
    cursor: int | None = None
    """Key of the last recording that was given."""
    limit: int = 100
    limits: tuple[Limit, ...] = ()
    """What the caller's key reaches; everything if empty."""


def parse(query: Iterable[tuple[str, str]], names: Iterable[str] = ()) -> Wanted:
    """What a query's pairs of name and value ask for. Raises BadInput, naming the parameter.

    `names`: the parameters that there are; all of them if empty.
    """
    allowed = tuple(names) or tuple(_READ)
    found: dict[str, list[object]] = {}
    for name, value in query:
        if name not in allowed:
            raise BadInput(
                f"there is no filter {name[:80]!r}",
                field=name[:80],
                limit=f"one of {', '.join(allowed)}",
            )
        try:
            found.setdefault(name, []).append(_READ[name](value))
        except (ValueError, msgspec.ValidationError):
            raise BadInput(
                f"the {name} {value[:80]!r} is not allowed", field=name, limit=_LIMITS[name]
            ) from None
    given: dict[str, object] = {name: values[-1] for name, values in found.items()}
    for name, several in _SEVERAL.items():
        given.pop(name, None)
        given[several] = frozenset(found.get(name, ()))
    return msgspec.convert(given, Wanted)


def token(key: int) -> str:
    """The `cursor` that goes on after a recording."""
    return f"{key:x}"


def _time(value: str) -> object:
    # In a query an unescaped plus sign is a space.
    time = msgspec.convert(value.strip().replace(" ", "+"), _Time)
    return time.astimezone(UTC)


def _name(value: str) -> object:
    if not 0 < len(value) <= _LONGEST_NAME:
        raise ValueError
    return value


def _limit(value: str) -> object:
    return msgspec.convert(value, Annotated[int, Meta(ge=1, le=MOST)], strict=False)


def _cursor(value: str) -> object:
    key = int(value, 16)
    if not 0 <= key < 1 << 63 or token(key) != value:
        raise ValueError
    return key


def _confidence(value: str) -> object:
    return msgspec.convert(value, Annotated[float, Meta(ge=0, le=1)], strict=False)


def _yes(value: str) -> object:
    return msgspec.convert(value, bool, strict=False)


def _status(value: str) -> object:
    if value not in STATUSES:
        raise ValueError
    return value


_SEVERAL: Mapping[str, str] = {"source": "sources", "channel": "channels", "status": "statuses"}
_READ: Mapping[str, Callable[[str], object]] = {
    "source": _name,
    "channel": _name,
    "since": _time,
    "until": _time,
    "q": terms,
    "status": _status,
    "min_confidence": _confidence,
    "max_confidence": _confidence,
    "needs_review": _yes,
    "corrected": _yes,
    "limit": _limit,
    "cursor": _cursor,
}
_LIMITS: Mapping[str, str] = {
    "source": f"1 to {_LONGEST_NAME} characters",
    "channel": f"1 to {_LONGEST_NAME} characters",
    "since": "RFC 3339 with a time zone, such as 2026-05-01T00:00:00Z",
    "until": "RFC 3339 with a time zone, such as 2026-05-02T00:00:00Z",
    "status": f"one of {', '.join(STATUSES)}",
    "min_confidence": "0 to 1",
    "max_confidence": "0 to 1",
    "needs_review": "true or false",
    "corrected": "true or false",
    "limit": f"1 to {MOST}",
    "cursor": "`next` of a page",
}
