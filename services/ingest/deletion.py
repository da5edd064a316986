"""`DELETE /v1/recordings/{id}`, and the holds that prevent it."""

from datetime import UTC, datetime
from typing import Annotated, Literal

from litestar import Request, Response, delete, get, put
from litestar.datastructures import State
from litestar.di import NamedDependency
from litestar.openapi.datastructures import ResponseSpec
from litestar.openapi.spec import Example
from litestar.params import Body, FromPath
from msgspec import Meta, Struct

from services.ingest.eraser import Eraser, Protected
from services.ingest.reach import check_reach
from services.ingest.spool import Spool
from services.ingest.upstream import Upstream
from shared import object_keys
from shared.access import Access
from shared.erasure import Hold, is_erased, read
from shared.errors import BadInput, Unavailable
from shared.http.auth import address_of, require
from shared.http.openapi import ID, shown
from shared.http.problem import ProblemError, problems
from shared.identity import RECORDING_ID
from shared.keys import Credential
from shared.messages import encode
from shared.object_store import ObjectStore

PATIENCE = 20.0
"""Seconds for which an answer waits until everything is erased."""
_PATH = "/v1/recordings/{recording_id:str}"


class Deletion(Struct, frozen=True, kw_only=True):
    """The recording will be erased as soon as store and broker are there."""

    id: Annotated[str, Meta(description="Recording id")]
    status: Annotated[
        Literal["accepted"],
        Meta(description="On this node's disk; unless a hold is found then, it is carried out"),
    ] = "accepted"


class HoldOrder(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who wants a recording kept, and why."""

    by: Annotated[str, Meta(min_length=1, max_length=200, description="Who wants it kept")]
    why: Annotated[str, Meta(min_length=1, max_length=1000, description="Why")]


@delete(
    _PATH,
    # Usually it is 204, of which Litestar thinks that nothing else can come then.
    status_code=202,
    summary="Delete a recording",
    tags=["keeping"],
    opt=require("admin"),
    responses={
        204: ResponseSpec(None, description="Nothing of it is left in store, streams and spool"),
        202: shown(
            Deletion(id=ID), "Store or broker is away: it is erased as soon as they are back"
        ),
        **problems(400, 401, 404, 409, 507),
    },
)
async def delete_recording(
    request: Request[object, object, State],
    recording_id: FromPath[str],
    eraser: NamedDependency[Eraser],
    upstream: NamedDependency[Upstream],
    spool: NamedDependency[Spool],
    credential: NamedDependency[Credential],
    access: NamedDependency[Access],
) -> Response[Deletion | None]:
    """Erase a recording: its audio, transcripts, events, jobs, dead letters and spool entries.

    Readers are told by an event `deleted`. Sent again afterwards, it is a new recording. A
    recording that is held is not deleted: 409 says by whom, and why.
    """
    id = checked(recording_id)
    await check_reach(credential, id, upstream, spool)
    try:
        try:
            known = await eraser.check(id)
        except Unavailable:
            # Nobody can say now what there is: it is found out when it is carried out.
            known = True
        if not known:
            raise ProblemError(
                404,
                f"Nothing is known of a recording {id!r}. If another node accepted it a moment ago,"
                " it may still be in that one's spool.",
                code="unknown-recording",
            )
        done = await eraser.ask(id, PATIENCE)
        access.audit.note("deleted", credential, address_of(request), recording=id)
        if done:
            return Response(None, status_code=204)
    except Protected as held:
        raise ProblemError(409, f"The recording is held. {held}", code="held") from None
    return Response(Deletion(id=id), status_code=202)


_HELD = Hold(by="Ms Gray, legal", why="inquest 7/26", since=datetime(2026, 3, 1, 12, tzinfo=UTC))
_HOLD = Body(examples=[Example(value={"by": _HELD.by, "why": _HELD.why})])


@put(
    f"{_PATH}/hold",
    summary="Hold a recording",
    tags=["keeping"],
    opt=require("admin"),
    responses={200: shown(_HELD, "It is kept"), **problems(400, 401, 404, 503)},
)
async def hold_recording(
    request: Request[object, object, State],
    recording_id: FromPath[str],
    data: Annotated[HoldOrder, _HOLD],
    upstream: NamedDependency[Upstream],
    spool: NamedDependency[Spool],
    credential: NamedDependency[Credential],
    access: NamedDependency[Access],
) -> Hold:
    """Keep a recording, whatever the limits say and whoever deletes it. A later hold counts."""
    await check_reach(credential, checked(recording_id), upstream, spool)
    store = await _with(upstream, checked(recording_id))
    hold = Hold(by=data.by, why=data.why, since=datetime.now(UTC))
    await store.put(object_keys.hold(recording_id), encode(hold))
    if await is_erased(store, recording_id):
        # Who erases it looks for a hold afterwards: one of both sees the other.
        await store.delete(object_keys.hold(recording_id))
        raise ProblemError(
            404, f"The recording {recording_id!r} is being deleted.", code="unknown-recording"
        )
    access.audit.note("held", credential, address_of(request), recording=recording_id)
    return hold


@get(
    f"{_PATH}/hold",
    summary="Who holds a recording",
    tags=["keeping"],
    opt=require("admin"),
    responses={200: shown(_HELD, "Who, and why"), **problems(400, 401, 404, 503)},
)
async def get_hold(
    recording_id: FromPath[str],
    upstream: NamedDependency[Upstream],
    spool: NamedDependency[Spool],
    credential: NamedDependency[Credential],
) -> Hold:
    """Say who wants a recording kept, and why."""
    await check_reach(credential, checked(recording_id), upstream, spool)
    store = await upstream.store()
    hold = await read(store, object_keys.hold(checked(recording_id)), Hold)
    if hold is None:
        raise ProblemError(404, f"Nobody holds {recording_id!r}.", code="not-held")
    return hold


@delete(
    f"{_PATH}/hold",
    summary="Release a recording",
    tags=["keeping"],
    opt=require("admin"),
    responses=problems(400, 401, 503),
)
async def release_recording(
    request: Request[object, object, State],
    recording_id: FromPath[str],
    upstream: NamedDependency[Upstream],
    spool: NamedDependency[Spool],
    credential: NamedDependency[Credential],
    access: NamedDependency[Access],
) -> None:
    """Let a recording be deleted again; nothing happens if nobody held it."""
    await check_reach(credential, checked(recording_id), upstream, spool)
    store = await upstream.store()
    await store.delete(object_keys.hold(recording_id))
    access.audit.note("released", credential, address_of(request), recording=recording_id)


def checked(recording_id: str) -> str:
    """The id, if it has the form of one. Raises BadInput."""
    if not RECORDING_ID.match(recording_id):
        raise BadInput(
            f"not a recording's id: {recording_id[:80]!r}",
            field="recording_id",
            limit="32 hex digits",
        )
    return recording_id


async def _with(upstream: Upstream, recording: str) -> ObjectStore:
    """The store, which has the recording. Raises ProblemError (404), StoreUnavailable."""
    store = await upstream.store()
    if await store.stat(object_keys.record(recording)) is None:
        raise ProblemError(
            404, f"There is no recording {recording!r} in the store.", code="unknown-recording"
        )
    return store
