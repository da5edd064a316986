"""`GET /v1/channels`: the channels that the history knows, for who chooses among them."""

from dataclasses import dataclass
from datetime import UTC, datetime
from sqlite3 import Connection
from typing import Annotated

import msgspec
from litestar import get
from litestar.di import NamedDependency
from msgspec import Meta, Struct

from services.stream.history import rows
from services.stream.history.keeper import History
from shared.channel_book import ChannelBook
from shared.channels import Lookup, nothing_known
from shared.http.auth import require
from shared.http.openapi import shown
from shared.http.problem import problems
from shared.keys import Credential, allowed
from shared.messages import Metadata


class ChannelView(Struct, frozen=True, kw_only=True):
    """One stream of a source."""

    source: Annotated[str, Meta(description="Who recorded it")]
    channel: Annotated[str, Meta(description="Which stream of the source")]
    source_label: Annotated[str | None, Meta(description="What people call the source")]
    label: Annotated[str | None, Meta(description="What people call the channel")]
    recordings: Annotated[int, Meta(description="Recordings of it")]
    latest: Annotated[
        datetime, Meta(description="When the newest one began or, if unknown, was received")
    ]


class _Named(Struct):
    """Of a `recording.json`, what may name its channel."""

    metadata: Metadata = {}


@dataclass(frozen=True)
class Known:
    """A channel as the history has it."""

    source: str
    channel: str
    recordings: int
    latest: int
    """Microseconds since 1970."""
    record: bytes
    """`recording.json` of the newest one."""


def known(db: Connection) -> list[Known]:
    """Every channel that has recordings, by source and name."""
    return [
        Known(*row)
        for row in db.execute(
            "SELECT p.source, p.channel, c.number, r.time, b.record"
            " FROM (SELECT place, count(*) AS number, max(key) AS last FROM recordings"
            " GROUP BY place) AS c JOIN places AS p ON p.id = c.place"
            " JOIN recordings AS r ON r.key = c.last JOIN bodies AS b ON b.key = c.last"
            " ORDER BY p.source, p.channel"
        )
    ]


def view(each: Known, said: Lookup = nothing_known) -> ChannelView:
    """What is known of a channel: what its newest recording says, else what is said of it now."""
    source_label, label = names(msgspec.json.decode(each.record, type=_Named).metadata)
    record = said(each.source, each.channel)
    return ChannelView(
        source=each.source,
        channel=each.channel,
        source_label=source_label,
        label=label or (record and record.label),
        recordings=each.recordings,
        latest=rows.time_of(each.latest),
    )


def names(metadata: Metadata) -> tuple[str | None, str | None]:
    """What people call a recording's source and its channel, as recorders say it with a call.

    What a site says of a channel (`shared.channels`) is in there too, since its acceptance.
    """
    return _text(metadata.get("system_label")), _text(metadata.get("talkgroup_label"))


def _text(value: object) -> str | None:
    return value.strip() or None if isinstance(value, str) else None


EXAMPLE = ChannelView(
    source="county",
    channel="1201",
    source_label="Orange County",
    label="Fire Dispatch",
    recordings=412,
    latest=datetime(2026, 3, 1, 12, tzinfo=UTC),
)


@get(
    "/v1/channels",
    summary="Channels",
    tags=["recordings"],
    opt=require("read"),
    responses={200: shown([EXAMPLE], "The channels"), **problems(401, 503)},
)
async def channels(
    history: NamedDependency[History],
    book: NamedDependency[ChannelBook],
    credential: NamedDependency[Credential],
) -> list[ChannelView]:
    """List the channels of which there are recordings, by source and name."""
    found = await history.read(known)
    return [
        view(each, book.find) for each in found if allowed(credential, each.source, each.channel)
    ]
