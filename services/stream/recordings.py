"""`GET /v1/recordings/{id}`: a recording, its transcripts and its audio."""

from collections.abc import Callable
from typing import Annotated

import msgspec
from litestar import Response, get
from litestar.di import NamedDependency
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, QueryParameter
from msgspec import Meta, Struct

from services.stream.catalogue import Catalogue, VersionView
from services.stream.examples import RECORDING, STREAM, TRANSCRIPT, VERSION
from shared import subtitles
from shared.errors import BadInput
from shared.http.auth import require
from shared.http.openapi import ID, shown
from shared.http.problem import problems
from shared.identity import RECORDING_ID
from shared.keys import Credential
from shared.messages import Recording, Transcript

_VersionNumber = Annotated[
    int | None,
    QueryParameter(
        ge=1, description="Version; the newest correction, else the newest transcript, if absent"
    ),
]
_PATH = "/v1/recordings/{recording_id:str}"


class RecordingView(Struct, frozen=True, kw_only=True):
    """A recording as it stands."""

    recording: Annotated[Recording, Meta(description="The accepted audio file")]
    versions: Annotated[list[VersionView], Meta(description="Its transcripts")]
    events: Annotated[str, Meta(description="Address of its events")]
    audio: Annotated[str, Meta(description="Address of its audio")]


class Links(Struct, frozen=True):
    """Addresses that callers are told."""

    stream: str
    """Where stream is reached, without a slash at the end."""
    ingest: str
    """Where ingest is reached, likewise."""


@get(
    _PATH,
    summary="A recording",
    tags=["recordings"],
    opt=require("read"),
    responses={
        200: shown(
            RecordingView(
                recording=RECORDING,
                versions=[VERSION],
                events=f"{STREAM}/v1/events?recording={ID}",
                audio=f"{STREAM}/v1/recordings/{ID}/audio",
            ),
            "The recording and its versions",
        ),
        **problems(400, 401, 404, 410, 503),
    },
)
async def recording(
    recording_id: FromPath[str],
    catalogue: NamedDependency[Catalogue],
    links: NamedDependency[Links],
    credential: NamedDependency[Credential],
) -> RecordingView:
    """Say what is known of a recording and its versions."""
    found = await catalogue.recording(checked(recording_id), credential)
    return RecordingView(
        recording=found,
        versions=await _versions(recording_id, catalogue, links),
        events=f"{links.stream}/v1/events?recording={recording_id}",
        audio=f"{links.stream}/v1/recordings/{recording_id}/audio",
    )


@get(
    f"{_PATH}/versions",
    summary="A recording's versions",
    tags=["recordings"],
    opt=require("read"),
    responses={
        200: shown([VERSION], "From the first to the newest"),
        **problems(400, 401, 404, 410, 503),
    },
)
async def versions(
    recording_id: FromPath[str],
    catalogue: NamedDependency[Catalogue],
    links: NamedDependency[Links],
    credential: NamedDependency[Credential],
) -> list[VersionView]:
    """List a recording's transcripts, corrections included, from the first to the newest."""
    await catalogue.recording(checked(recording_id), credential)
    return await _versions(recording_id, catalogue, links)


async def _versions(id: str, catalogue: Catalogue, links: Links) -> list[VersionView]:
    address = f"{links.stream}/v1/recordings/{id}/transcript.json?version="
    return [
        msgspec.structs.replace(view, transcript=f"{address}{view.version}")
        if view.status == "completed"
        else view
        for view in await catalogue.versions(id)
    ]


_MISSING = problems(400, 401, 404, 409, 410, 503)


@get(
    f"{_PATH}/transcript.json",
    summary="A transcript, as JSON",
    tags=["recordings"],
    opt=require("read"),
    responses={200: shown(TRANSCRIPT, "The transcript"), **_MISSING},
)
async def transcript_json(
    recording_id: FromPath[str],
    catalogue: NamedDependency[Catalogue],
    credential: NamedDependency[Credential],
    version: _VersionNumber = None,
) -> Response[Transcript]:
    """Give a version's transcript as it is stored. Its ETag is the version, for a correction."""
    found = await catalogue.transcript(checked(recording_id), version, credential)
    return Response(found, headers={"ETag": f'"{found.version}"'})


def _in_form(
    form: str, called: str, media_type: str, render: Callable[[Transcript], str]
) -> HTTPRouteHandler:
    """The route of a transcript in a form for people or players."""

    @get(
        f"{_PATH}/transcript.{form}",
        media_type=media_type,
        summary=f"A transcript, as {called}",
        description=f"Give a version's transcript as {called}.",
        tags=["recordings"],
        opt=require("read"),
        responses={
            200: shown(render(TRANSCRIPT), f"The transcript, as {called}", media_type),
            **_MISSING,
        },
    )
    async def transcript(
        recording_id: FromPath[str],
        catalogue: NamedDependency[Catalogue],
        credential: NamedDependency[Credential],
        version: _VersionNumber = None,
    ) -> Response[str]:
        found = await catalogue.transcript(checked(recording_id), version, credential)
        return Response(render(found), media_type=media_type)

    return transcript


transcript_txt = _in_form("txt", "plain text, a line for each segment", "text/plain", subtitles.txt)
transcript_srt = _in_form(
    "srt", "SubRip subtitles", "application/x-subrip; charset=utf-8", subtitles.srt
)
transcript_tsv = _in_form(
    "tsv",
    "tab-separated values: start and end in milliseconds, text",
    "text/tab-separated-values",
    subtitles.tsv,
)
transcript_vtt = _in_form("vtt", "WebVTT subtitles", "text/vtt", subtitles.vtt)


def checked(recording_id: str) -> str:
    """The id, if it has the form of one. Raises BadInput."""
    if not RECORDING_ID.match(recording_id):
        raise BadInput(
            f"not a recording's id: {recording_id[:80]!r}",
            field="recording_id",
            limit="32 hex digits",
        )
    return recording_id
