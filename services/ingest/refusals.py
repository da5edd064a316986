"""`/v1/spool/refused`: what the store refused for good, listed, tried again or dropped."""

from datetime import UTC, datetime
from typing import Annotated

from litestar import Request, delete, get, post
from litestar.datastructures import State
from litestar.di import NamedDependency
from litestar.params import FromPath
from msgspec import Meta, Struct

from services.ingest.entry import Refusal
from services.ingest.forwarder import Forwarder
from services.ingest.spool import Spool
from services.ingest.spool_view import EXAMPLE, SpoolView, reaches, view
from shared.access import Access
from shared.http.auth import address_of, require
from shared.http.openapi import ID, PARAMETERS, shown
from shared.http.problem import ProblemError, problems
from shared.keys import Credential

_PATH = "/v1/spool/refused"


class RefusedEntry(Struct, frozen=True, kw_only=True):
    """A recording that was accepted, and that the store does not take."""

    key: Annotated[str, Meta(description="Names the entry")]
    code: Annotated[str, Meta(description="Why, as a word for programs")]
    reason: Annotated[str, Meta(description="Why, as a sentence for people")]
    time: Annotated[datetime, Meta(description="When it was refused")]
    size: Annotated[int, Meta(description="Bytes that it takes here")]
    recording: Annotated[
        str | None, Meta(description="Recording id; null if the entry cannot be read")
    ]
    source: Annotated[str | None, Meta(description="Who recorded it")]
    channel: Annotated[str | None, Meta(description="Which stream of the source")]


class RefusedEntries(Struct, frozen=True, kw_only=True):
    """What this node's spool has put aside."""

    entries: Annotated[list[RefusedEntry], Meta(description="In the order of their keys")]


_EXAMPLE = RefusedEntries(
    entries=[
        RefusedEntry(
            key=str(PARAMETERS["key"]),
            code="store-refused",
            reason="the store does not take it: EntityTooLarge",
            time=datetime(2026, 3, 1, 12, 0, 6, tzinfo=UTC),
            size=135_100,
            recording=ID,
            source="county",
            channel="fire",
        )
    ]
)


@get(
    _PATH,
    summary="Recordings that the store refuses",
    tags=["dead letters"],
    opt=require("admin"),
    responses={200: shown(_EXAMPLE, "What this node has put aside"), **problems(401)},
)
async def refused_entries(
    spool: NamedDependency[Spool], credential: NamedDependency[Credential]
) -> RefusedEntries:
    """List the recordings that this node accepted, and that the store refused for good.

    They stay on this node's disk until they are tried again or dropped.
    """
    return RefusedEntries(
        entries=[_entry(refusal) for refusal in spool.refusals if _reaches(credential, refusal)]
    )


@post(
    f"{_PATH}/{{key:str}}/retry",
    status_code=202,
    summary="Try a refused recording again",
    tags=["dead letters"],
    opt=require("admin"),
    responses={202: shown(EXAMPLE, "It is tried again"), **problems(401, 404, 409)},
)
async def retry_refused(
    key: FromPath[str],
    spool: NamedDependency[Spool],
    forwarder: NamedDependency[Forwarder],
    credential: NamedDependency[Credential],
) -> SpoolView:
    """Have a refused recording forwarded again, and say where it is."""
    _check(spool, key, credential)
    found = await spool.restore(key)
    if found is None:
        if any(refusal.key == key for refusal in spool.refusals):
            raise ProblemError(409, "The entry cannot be read: it can only be dropped.")
        raise _missing(key)
    held, restored = found
    if restored:
        forwarder.add(held)
    return view(held.entry.recording.id, [held])


@delete(
    f"{_PATH}/{{key:str}}",
    summary="Drop a refused recording",
    tags=["dead letters"],
    opt=require("admin"),
    responses=problems(401, 404),
)
async def drop_refused(
    request: Request[object, object, State],
    key: FromPath[str],
    spool: NamedDependency[Spool],
    credential: NamedDependency[Credential],
    access: NamedDependency[Access],
) -> None:
    """Remove a refused recording from this node's disk, for good."""
    _check(spool, key, credential)
    if not await spool.drop(key):
        raise _missing(key)
    access.audit.note("deleted", credential, address_of(request), refused=key)


def _check(spool: Spool, key: str, credential: Credential) -> None:
    """Raises ProblemError (404) for an entry that the credential does not reach."""
    if any(each.key == key and not _reaches(credential, each) for each in spool.refusals):
        raise _missing(key)


def _reaches(credential: Credential, refusal: Refusal) -> bool:
    if refusal.entry is None:
        return not credential.limits  # nobody knows whose it is
    return reaches(credential, refusal.entry)


def _missing(key: str) -> ProblemError:
    detail = f"The spool holds no refused entry {key[:80]!r}."
    return ProblemError(404, detail, code="not-refused")


def _entry(refusal: Refusal) -> RefusedEntry:
    recording = refusal.entry and refusal.entry.recording
    return RefusedEntry(
        key=refusal.key,
        code=refusal.why.code,
        reason=refusal.why.reason,
        time=refusal.why.time,
        size=refusal.size,
        recording=recording and recording.id,
        source=recording and recording.source,
        channel=recording and recording.channel,
    )
