"""`GET /v1/recordings/{id}/audio`: a recording's audio, whole or a part of it."""

from collections.abc import AsyncIterator
from http import HTTPStatus
from typing import Annotated

from litestar import Request, Response, get
from litestar.datastructures import State
from litestar.di import NamedDependency
from litestar.openapi.datastructures import ResponseSpec
from litestar.openapi.spec import Example
from litestar.params import FromPath, HeaderParameter
from litestar.response import Stream

from services.stream.catalogue import Catalogue
from services.stream.ranges import Span, Unsatisfiable, parse_range
from services.stream.recordings import checked
from shared.access import Access
from shared.http.auth import address_of, require
from shared.http.problem import Problem, problems, response
from shared.keys import Credential
from shared.messages import Recording

_SLICE = 1024**2
"""Bytes read from the store at once, which bounds what a listener costs."""

_TYPES = {
    "wav": "audio/wav",
    "mp3": "audio/mpeg",
    "m4a": "audio/mp4",
    "mp4": "audio/mp4",
    "ogg": "audio/ogg",
    "opus": "audio/ogg",
    "flac": "audio/flac",
    "webm": "audio/webm",
    "amr": "audio/amr",
    "aac": "audio/aac",
    "aiff": "audio/aiff",
    "caf": "audio/x-caf",
}


def _file(status: int) -> ResponseSpec:
    whole = status == HTTPStatus.OK
    return ResponseSpec(
        bytes,
        generate_examples=False,
        description="The whole file" if whole else "The bytes that were asked for",
        media_type="audio/*",
        examples=[Example(value="(the bytes of call.wav)" if whole else "(1024 bytes of it)")],
    )


@get(
    "/v1/recordings/{recording_id:str}/audio",
    summary="A recording's audio",
    description="The file as it came. One `Range` of bytes may be asked for.",
    tags=["recordings"],
    opt=require("read"),
    responses={
        **{status: _file(status) for status in (200, 206)},
        304: ResponseSpec(None, description="It is what `If-None-Match` says"),
        **problems(400, 401, 404, 410, 416, 503),
    },
)
async def audio(
    request: Request[object, object, State],
    recording_id: FromPath[str],
    catalogue: NamedDependency[Catalogue],
    credential: NamedDependency[Credential],
    access: NamedDependency[Access],
    span: Annotated[
        str | None, HeaderParameter(name="Range", description="Bytes, such as `bytes=0-1023`")
    ] = None,
) -> Response[bytes] | Response[Problem] | Stream:
    """Answer with the file, or with the bytes asked for."""
    found = await catalogue.recording(checked(recording_id), credential)
    await catalogue.check_audio(found)
    headers = _headers(found)
    if request.headers.get("if-none-match") == headers["ETag"]:
        return Response(b"", status_code=304, headers=headers)
    if request.headers.get("if-range", headers["ETag"]) != headers["ETag"]:
        span = None
    try:
        part = parse_range(span, found.size)
    except Unsatisfiable:
        return _unsatisfiable(found.size)
    if part is None or part.start == 0:
        # A player asks for one recording many times, piece by piece.
        names = {"source": found.source, "channel": found.channel}
        address = address_of(request)
        access.audit.note("played", credential, address, recording=found.id, **names)
    whole = Span(0, found.size)
    if part:
        headers["Content-Range"] = f"bytes {part.start}-{part.stop - 1}/{found.size}"
    headers["Content-Length"] = str((part or whole).length)
    return Stream(
        _slices(catalogue, found.audio, part or whole),
        status_code=206 if part else 200,
        media_type=media_type(found.audio),
        headers=headers,
    )


def _unsatisfiable(size: int) -> Response[Problem]:
    status = HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE
    problem = Problem(
        type="urn:echobase:no-such-bytes",
        title=status.phrase,
        status=status,
        detail=f"The audio has {size} bytes; there are none where the range says.",
        field="Range",
        limit=f"0 to {size - 1}",
    )
    return response(problem, {"Content-Range": f"bytes */{size}"})


def media_type(key: str) -> str:
    """The media type that a key's extension stands for."""
    return _TYPES.get(key.rpartition(".")[2].lower(), "application/octet-stream")


def _headers(recording: Recording) -> dict[str, str]:
    return {
        "Accept-Ranges": "bytes",
        "ETag": f'"{recording.sha256}"',
        "Cache-Control": "private, max-age=3600",
        # What somebody uploaded must never run as a page of ours.
        "Content-Security-Policy": "sandbox; default-src 'none'",
        "X-Content-Type-Options": "nosniff",
    }


async def _slices(
    catalogue: NamedDependency[Catalogue], key: str, span: Span
) -> AsyncIterator[bytes]:
    at = span.start
    while at < span.stop:
        part = await catalogue.audio(key, at, min(_SLICE, span.stop - at))
        if not part:
            return
        yield part
        at += len(part)
