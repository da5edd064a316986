"""`GET /v1/spool`: what the spool holds; `GET /v1/spool/{id}`: where an accepted recording is."""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Annotated, Literal

from litestar import get
from litestar.di import NamedDependency
from litestar.params import FromPath
from msgspec import Meta, Struct

from services.ingest.entry import Entry, Held
from services.ingest.forwarder import Forwarder
from services.ingest.spool import Spool
from shared.http.auth import require
from shared.http.openapi import ID, shown
from shared.http.problem import ProblemError, problems
from shared.keys import Credential, allowed
from shared.subjects import Lane

SpoolState = Literal["waiting", "forwarded", "refused"]


class SpoolEntry(Struct, frozen=True, kw_only=True):
    """One request for a transcript of the recording."""

    status: Annotated[
        SpoolState,
        Meta(
            description="`waiting` for store or bus; `forwarded`: it is there, and here only for a"
            " while; `refused`: the store refuses it for good"
        ),
    ]
    version: Annotated[int | None, Meta(description="Its transcript's number, if known yet")]
    lane: Annotated[Lane, Meta(description="Lane of its job")]
    received: Annotated[datetime, Meta(description="When it was accepted")]
    size: Annotated[int, Meta(description="Bytes that it takes here")]
    attempts: Annotated[int, Meta(description="How often forwarding it has failed")]
    error: Annotated[str | None, Meta(description="Why it failed last, or was refused")]


class SpoolView(Struct, frozen=True, kw_only=True):
    """What the spool holds of a recording."""

    id: Annotated[str, Meta(description="Recording id")]
    entries: Annotated[list[SpoolEntry], Meta(description="One for each set of options")]


EXAMPLE = SpoolView(
    id=ID,
    entries=[
        SpoolEntry(
            status="waiting",
            version=None,
            lane="live",
            received=datetime(2026, 3, 1, 12, 0, 5, tzinfo=UTC),
            size=135_100,
            attempts=3,
            error="the store is away",
        )
    ],
)


class SpoolSummary(Struct, frozen=True, kw_only=True):
    """What this node's spool holds in all."""

    waiting: Annotated[int, Meta(description="Recordings that store or bus do not have yet")]
    waiting_bytes: Annotated[int, Meta(description="Bytes that these take here")]
    waiting_seconds: Annotated[
        float, Meta(description="How long the oldest of these has waited; 0 if none does")
    ]
    refused: Annotated[int, Meta(description="Recordings that the store refuses for good")]
    used_bytes: Annotated[
        int, Meta(description="Bytes in all, with uploads in progress and what is kept a while")
    ]
    most_bytes: Annotated[int, Meta(description="Bytes that it may hold")]


SUMMARY = SpoolSummary(
    waiting=3,
    waiting_bytes=405_300,
    waiting_seconds=12.5,
    refused=0,
    used_bytes=8_210_000,
    most_bytes=5_368_709_120,
)


def state(held: Held) -> SpoolState:
    """How far an entry has come."""
    if held.refused is not None:
        return "refused"
    return "waiting" if held.waiting else "forwarded"


@get(
    "/v1/spool",
    summary="What the spool holds",
    tags=["recordings"],
    opt=require("ingest"),
    responses={200: shown(SUMMARY, "What it holds"), **problems(401)},
)
async def spool_summary(
    spool: NamedDependency[Spool], forwarder: NamedDependency[Forwarder]
) -> SpoolSummary:
    """Say how much is on this node's disk alone, as numbers."""
    backlog = forwarder.backlog()
    return SpoolSummary(
        waiting=backlog.count,
        waiting_bytes=backlog.size,
        waiting_seconds=backlog.age,
        refused=len(spool.refusals),
        used_bytes=spool.room.used,
        most_bytes=spool.room.most,
    )


@get(
    "/v1/spool/{recording_id:str}",
    summary="Where an accepted recording is",
    tags=["recordings"],
    opt=require("ingest"),
    responses={200: shown(EXAMPLE, "Where it is"), **problems(401, 404)},
)
async def spool_entry(
    recording_id: FromPath[str],
    spool: NamedDependency[Spool],
    credential: NamedDependency[Credential],
) -> SpoolView:
    """Say whether a recording still waits on this node's disk, and for what."""
    found = [held for held in spool.find(recording_id) if reaches(credential, held.entry)]
    if not found:
        raise ProblemError(
            404,
            f"The spool does not hold the recording {recording_id[:64]!r}: it was never accepted"
            " here, or it was forwarded some time ago.",
            code="not-spooled",
        )
    return view(recording_id, found)


def reaches(credential: Credential, entry: Entry) -> bool:
    """Whether a credential reaches an entry's channel."""
    return allowed(credential, entry.recording.source, entry.recording.channel)


def view(recording: str, found: Iterable[Held]) -> SpoolView:
    """What is said of a recording's entries."""
    return SpoolView(id=recording, entries=[_view(held) for held in found])


def _view(held: Held) -> SpoolEntry:
    return SpoolEntry(
        status=state(held),
        version=held.version,
        lane=held.entry.lane,
        received=held.entry.asked,
        size=held.size,
        attempts=held.attempts,
        error=held.refused.reason if held.refused else held.error or None,
    )
