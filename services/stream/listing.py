"""`GET /v1/recordings`: the recordings that the store holds, page by page.

They are read from the store itself. A page ends when it is full, or when so many recordings were
looked at that the reader should not wait any longer.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Annotated, TypeVar

import msgspec
from litestar import Request, get
from litestar.datastructures import State
from litestar.di import NamedDependency
from litestar.params import QueryParameter
from msgspec import Meta, Struct

from services.stream.catalogue import Catalogue
from shared.errors import BadInput
from shared.http.auth import require
from shared.http.problem import problems
from shared.http.query import pairs
from shared.identity import RECORDING_ID
from shared.keys import Credential, Limit
from shared.messages import Recording

T = TypeVar("T")
MOST = 500
"""Recordings on a page."""
LOOKED_AT = 1_000
"""Recordings that are looked at for a page."""
_AT_ONCE = 16
_LONGEST_NAME = 200
_Time = Annotated[datetime, Meta(tz=True)]


class RecordingPage(Struct, frozen=True, kw_only=True):
    """Some of the recordings."""

    recordings: Annotated[list[Recording], Meta(description="Those that the filters want")]
    next: Annotated[
        str | None,
        Meta(description="`cursor` of the next page; null after the last. A page may be empty"),
    ]


@dataclass(frozen=True)
class Wanted:
    """Which recordings, and from where on."""

    sources: frozenset[str] = frozenset()
    channels: frozenset[str] = frozenset()
    since: datetime | None = None
    until: datetime | None = None
    cursor: str = ""
    """The last recording that was looked at; empty at the beginning."""
    limit: int = 100
    limits: tuple[Limit, ...] = ()
    """What the caller's key reaches; everything if empty."""

    def wants(self, recording: Recording) -> bool:
        """Whether the filters hold: one that is empty always does."""
        time = recording.start or recording.received
        return (
            (not self.sources or recording.source in self.sources)
            and (not self.channels or recording.channel in self.channels)
            and (self.since is None or time >= self.since)
            and (self.until is None or time < self.until)
            and (not self.limits or _reached(self.limits, recording))
        )


def parse(query: Iterable[tuple[str, str]]) -> Wanted:
    """What a query's pairs of name and value ask for. Raises BadInput, naming the parameter."""
    found: dict[str, list[object]] = {}
    for name, value in query:
        if name not in _READ:
            raise BadInput(
                f"there is no filter {name[:80]!r}",
                field=name[:80],
                limit=f"one of {', '.join(_READ)}",
            )
        try:
            found.setdefault(name, []).append(_READ[name](value))
        except (ValueError, msgspec.ValidationError):
            raise BadInput(
                f"the {name} {value[:80]!r} is not allowed", field=name, limit=_LIMITS[name]
            ) from None
    given: dict[str, object] = {name: values[-1] for name, values in found.items()}
    for name in ("source", "channel"):
        given.pop(name, None)
        given[f"{name}s"] = frozenset(found.get(name, ()))
    return msgspec.convert(given, Wanted)


@get(
    "/v1/recordings",
    summary="Recordings",
    tags=["recordings"],
    opt=require("read"),
    responses=problems(400, 401, 503),
)
async def recordings(
    request: Request[object, object, State],
    catalogue: NamedDependency[Catalogue],
    credential: NamedDependency[Credential],
    source: Annotated[list[str] | None, QueryParameter(description="Who recorded it")] = None,
    channel: Annotated[list[str] | None, QueryParameter(description="Stream of the source")] = None,
    since: Annotated[
        str | None,
        QueryParameter(description="Begun (or, where that is not known, received) at or after"),
    ] = None,
    until: Annotated[str | None, QueryParameter(description="Begun or received before")] = None,
    limit: Annotated[
        str | None, QueryParameter(description=f"Most on a page: 1 to {MOST}; 100 if absent")
    ] = None,
    cursor: Annotated[
        str | None, QueryParameter(description="`next` of the page before; the rest as there")
    ] = None,
) -> RecordingPage:
    """List recordings; filters combine, and a repeated one offers alternatives.

    Their order is not that of time. What comes while you page may be on a later page or on none.
    """
    # They are there for the documentation: the query is read as a whole, to refuse what is unknown.
    del source, channel, since, until, limit, cursor
    wanted = parse(pairs(request.scope["query_string"]))
    return await page(catalogue, replace(wanted, limits=credential.limits))


async def page(catalogue: Catalogue, wanted: Wanted) -> RecordingPage:
    """The page that a query asks for. Raises StoreUnavailable."""
    found: list[Recording] = []
    looked_at = 0
    last = wanted.cursor
    async for ids in _batches(catalogue.ids(last), _AT_ONCE):
        read = await asyncio.gather(*(catalogue.find(id) for id in ids))
        for id, recording in zip(ids, read, strict=True):
            last = id
            looked_at += 1
            if recording is not None and wanted.wants(recording):
                found.append(recording)
            if len(found) == wanted.limit or looked_at == LOOKED_AT:
                return RecordingPage(recordings=found, next=last)
    return RecordingPage(recordings=found, next=None)


def _reached(limits: tuple[Limit, ...], recording: Recording) -> bool:
    return any(limit.holds(recording.source, recording.channel) for limit in limits)


async def _batches(items: AsyncIterator[T], size: int) -> AsyncIterator[Sequence[T]]:
    batch: list[T] = []
    async for item in items:
        batch.append(item)
        if len(batch) == size:
            yield batch
            batch = []
    if batch:
        yield batch


def _time(value: str) -> object:
    # In a query an unescaped plus sign is a space.
    return msgspec.convert(value.replace(" ", "+"), _Time)


def _name(value: str) -> object:
    if not 0 < len(value) <= _LONGEST_NAME:
        raise ValueError
    return value


def _limit(value: str) -> object:
    return msgspec.convert(value, Annotated[int, Meta(ge=1, le=MOST)], strict=False)


def _cursor(value: str) -> object:
    if not RECORDING_ID.match(value):
        raise ValueError
    return value


_READ: dict[str, Callable[[str], object]] = {
    "source": _name,
    "channel": _name,
    "since": _time,
    "until": _time,
    "limit": _limit,
    "cursor": _cursor,
}
_LIMITS = {
    "source": f"1 to {_LONGEST_NAME} characters",
    "channel": f"1 to {_LONGEST_NAME} characters",
    "since": "RFC 3339 with a time zone, such as 2026-05-01T00:00:00Z",
    "until": "RFC 3339 with a time zone, such as 2026-05-02T00:00:00Z",
    "limit": f"1 to {MOST}",
    "cursor": "`next` of a page",
}
