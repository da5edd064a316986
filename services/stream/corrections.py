"""`PATCH /v1/recordings/{id}/transcript`: a correction by hand, as a version of its own."""

import asyncio
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Annotated
from weakref import WeakValueDictionary

import msgspec
from litestar import Request, Response, patch
from litestar.datastructures import State
from litestar.di import NamedDependency
from litestar.openapi.spec import Example
from litestar.params import Body, FromPath, HeaderParameter
from msgspec import Meta, Struct

from services.stream.catalogue import Catalogue, VersionView, choose
from services.stream.correction import correct
from services.stream.examples import RECEIVED, STREAM
from services.stream.history import rows
from services.stream.history.keeper import End, History
from services.stream.history.rows import Version
from services.stream.recordings import Links, checked
from shared import object_keys
from shared.access import Access
from shared.erasure import is_erased
from shared.errors import BadInput, StoreUnavailable, Unavailable
from shared.http.auth import address_of, require
from shared.http.openapi import ID, shown
from shared.http.problem import ProblemError, problems
from shared.keys import Credential
from shared.messages import (
    Correction,
    Options,
    SegmentCorrection,
    Transcript,
    VersionRequest,
    encode,
)
from shared.object_store import ObjectStore

_TRIES = 20
_DESCRIPTION = """\
Stores a new version, made of `base` and of what differs from it; no version is ever changed.
Segments that are not named stay as they are. To say that a transcript is right as it is, send none:
the recording then needs no review any more.

If somebody else corrected the recording since `base`, this is 409: look at the newest version
first. `If-Match` with the ETag of `transcript.json` may say the version in the place of `base`.
Sent twice, the same correction is stored once.

It needs the scopes `read` and `ingest`: who only listens changes nothing. It has succeeded once it
is stored; readers are told by an event `corrected`.
"""


class CorrectionOrder(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is to be said instead."""

    segments: Annotated[
        list[SegmentCorrection],
        Meta(max_length=10_000, description="What differs from the version that is corrected"),
    ]
    base: Annotated[
        Annotated[int, Meta(ge=1)] | None,
        Meta(description="Version that is corrected; may be said by `If-Match` instead"),
    ] = None
    by: Annotated[
        str, Meta(max_length=200, description="Who corrects, such as a name or initials")
    ] = ""


class CorrectionView(Struct, frozen=True, kw_only=True):
    """A correction that is stored."""

    recording: Annotated[str, Meta(description="Recording id")]
    version: Annotated[int, Meta(description="The new version")]
    base: Annotated[int, Meta(description="The version that was corrected")]
    by: Annotated[str, Meta(description="Who corrected")]
    time: Annotated[datetime, Meta(description="When")]
    transcript: Annotated[str, Meta(description="Address of the new transcript")]


@dataclass(frozen=True)
class Corrector:
    """Stores corrections."""

    store: ObjectStore
    catalogue: Catalogue
    history: History
    turns: WeakValueDictionary[str, asyncio.Lock] = field(
        default_factory=WeakValueDictionary[str, asyncio.Lock]
    )

    async def take(self, id: str, correction: Correction) -> VersionRequest:
        """Store a correction. Raises ProblemError, BadInput, Unavailable."""
        # Here one after the other, since what is noted of a number is noted once.
        async with self.turns.setdefault(id, asyncio.Lock()):
            return await self._take(id, correction)

    async def _take(self, id: str, correction: Correction) -> VersionRequest:
        for _ in range(_TRIES):
            versions = await self.catalogue.versions(id)
            if (same := _check(versions, correction)) is not None:
                return same
            base = await self.catalogue.transcript(id, choose(versions, correction.base))
            number = versions[-1].version + 1
            request = VersionRequest(
                recording=id,
                version=number,
                lane="live",
                options=Options(),
                requested=datetime.now(UTC),
                correction=correction,
            )
            made = correct(base, request)
            if await self._claim(request, made):
                return request
        raise StoreUnavailable("Too many versions are being made of the recording: try again.")

    async def _claim(self, request: VersionRequest, made: Transcript) -> bool:
        """Store the correction under its number; False if that belongs to another version."""
        id, number = request.recording, request.version
        end: Version | End = "unknown"
        await self.history.begin_correction(id, number)
        try:
            key = object_keys.request(id, number)
            if not await self.store.put_if_absent(key, encode(request)):
                end = "refused"
                return False
            end = rows.version_row(number, request, None)
            with suppress(Unavailable):  # the correction is stored: its transcript follows from it
                await self.store.put_if_absent(object_keys.transcript(id, number), encode(made))
                end = rows.version_row(number, request, made)
            if await self._is_erased(request):
                end = "refused"
                raise ProblemError(410, "The recording was deleted meanwhile.", code="deleted")
            return True
        finally:
            await self.history.end_correction(id, number, end)

    async def _is_erased(self, request: VersionRequest) -> bool:
        """Whether somebody erased the recording while this was stored, which is then taken back."""
        id, number = request.recording, request.version
        try:
            if not await is_erased(self.store, id):
                return False
            for key in (object_keys.transcript(id, number), object_keys.request(id, number)):
                await self.store.delete(key)
        except Unavailable:
            return False  # who erases looks for what came late
        return True


_EXAMPLE = Body(
    examples=[
        Example(
            summary="One segment",
            value={
                "base": 1,
                "by": "kb",
                "segments": [{"index": 0, "text": "Engine 7, structure fire, 12 Birch Street."}],
            },
        ),
        Example(summary="It is right", value={"base": 1, "segments": []}),
        Example(
            summary="What the model did not hear",
            value={"base": 1, "segments": [{"start": 4.0, "end": 5.2, "text": "Copy."}]},
        ),
    ]
)

_STORED = CorrectionView(
    recording=ID,
    version=2,
    base=1,
    by="kb",
    time=RECEIVED,
    transcript=f"{STREAM}/v1/recordings/{ID}/transcript.json?version=2",
)


@patch(
    "/v1/recordings/{recording_id:str}/transcript",
    status_code=201,
    summary="Correct a transcript",
    description=_DESCRIPTION,
    tags=["recordings"],
    opt=require("read", "ingest"),
    responses={
        201: shown(_STORED, "It is stored"),
        **problems(400, 401, 404, 409, 410, 503),
    },
)
async def correct_transcript(
    request: Request[object, object, State],
    recording_id: FromPath[str],
    data: Annotated[CorrectionOrder, _EXAMPLE],
    catalogue: NamedDependency[Catalogue],
    corrector: NamedDependency[Corrector],
    credential: NamedDependency[Credential],
    access: NamedDependency[Access],
    links: NamedDependency[Links],
    if_match: Annotated[
        str | None,
        HeaderParameter(
            name="If-Match", description='The version that is corrected, such as `"1"`'
        ),
    ] = None,
) -> Response[CorrectionView]:
    """Store a correction."""
    await catalogue.recording(checked(recording_id), credential)
    base = _base(data.base, if_match)
    correction = Correction(base=base, segments=data.segments, key=credential.key, by=data.by)
    stored = await corrector.take(recording_id, correction)
    address = address_of(request)
    access.audit.note(
        "corrected", credential, address, recording=recording_id, version=str(stored.version)
    )
    url = f"{links.stream}/v1/recordings/{recording_id}/transcript.json?version={stored.version}"
    return Response(
        CorrectionView(
            recording=recording_id,
            version=stored.version,
            base=base,
            by=data.by,
            time=stored.requested,
            transcript=url,
        ),
        status_code=201,
        headers={"Location": url, "ETag": f'"{stored.version}"'},
    )


def _base(said: int | None, if_match: str | None) -> int:
    """The version that is corrected. Raises BadInput, ProblemError (409)."""
    named = None
    if if_match is not None:
        tag = if_match.strip().removeprefix("W/").strip('"')
        try:
            named = msgspec.convert(tag, Annotated[int, Meta(ge=1)], strict=False)
        except msgspec.ValidationError:
            raise BadInput(
                f"not the ETag of a transcript: {if_match[:80]!r}",
                field="If-Match",
                limit='a version in quotes, such as "1"',
            ) from None
    if said is None and named is None:
        raise BadInput(
            "which version is corrected?", field="base", limit="a version, or the header If-Match"
        )
    if said is not None and named is not None and said != named:
        raise ProblemError(409, f"`base` is {said}, If-Match is {named}.", code="conflict")
    return said if said is not None else named or 0


def _check(versions: list[VersionView], correction: Correction) -> VersionRequest | None:
    """The correction, if it is stored already. Raises ProblemError (409) if another one is."""
    for view in reversed(versions):
        if view.version <= correction.base:
            return None
        made = view.request.correction if view.request else None
        if made == correction:
            return view.request
        if made is not None:
            by = f" by {made.by}" if made.by else ""
            raise ProblemError(
                409,
                f"Version {view.version} has corrected the recording{by} since version"
                f" {correction.base}: look at it first.",
                code="conflict",
            )
    return None
