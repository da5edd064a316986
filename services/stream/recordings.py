"""`GET /v1/recordings/{id}`: a recording, its transcripts and its audio."""

from typing import Annotated

import msgspec
from litestar import Response, get
from litestar.di import NamedDependency
from litestar.params import FromPath, QueryParameter
from msgspec import Meta, Struct

from services.stream import subtitles
from services.stream.catalogue import Catalogue, VersionView
from shared.errors import BadInput
from shared.http.problem import problems
from shared.identity import RECORDING_ID
from shared.messages import Recording, Transcript

_VersionNumber = Annotated[
    int | None, QueryParameter(ge=1, description="Version; the newest with a transcript if absent")
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


@get(_PATH, summary="A recording", tags=["recordings"], responses=problems(400, 401, 404, 503))
async def recording(
    recording_id: FromPath[str],
    catalogue: NamedDependency[Catalogue],
    links: NamedDependency[Links],
) -> RecordingView:
    """Say what is known of a recording and its versions."""
    found = await catalogue.recording(checked(recording_id))
    here = f"{links.stream}/v1/recordings/{recording_id}"
    return RecordingView(
        recording=found,
        versions=[
            msgspec.structs.replace(
                view, transcript=f"{here}/transcript.json?version={view.version}"
            )
            if view.status == "completed"
            else view
            for view in await catalogue.versions(recording_id)
        ],
        events=f"{links.stream}/v1/events?recording={recording_id}",
        audio=f"{here}/audio",
    )


_MISSING = problems(400, 401, 404, 409, 410, 503)


@get(
    f"{_PATH}/transcript.json",
    summary="A transcript, as JSON",
    tags=["recordings"],
    responses=_MISSING,
)
async def transcript_json(
    recording_id: FromPath[str],
    catalogue: NamedDependency[Catalogue],
    version: _VersionNumber = None,
) -> Transcript:
    """Give a version's transcript as it is stored."""
    return await catalogue.transcript(checked(recording_id), version)


@get(
    f"{_PATH}/transcript.txt",
    media_type="text/plain",
    summary="A transcript, as plain text",
    tags=["recordings"],
    responses=_MISSING,
)
async def transcript_txt(
    recording_id: FromPath[str],
    catalogue: NamedDependency[Catalogue],
    version: _VersionNumber = None,
) -> Response[str]:
    """Give a version's transcript, a line for each segment."""
    found = await catalogue.transcript(checked(recording_id), version)
    return _text(subtitles.txt(found), "text/plain")


@get(
    f"{_PATH}/transcript.srt",
    media_type="application/x-subrip",
    summary="A transcript, as SubRip subtitles",
    tags=["recordings"],
    responses=_MISSING,
)
async def transcript_srt(
    recording_id: FromPath[str],
    catalogue: NamedDependency[Catalogue],
    version: _VersionNumber = None,
) -> Response[str]:
    """Give a version's transcript as SubRip."""
    found = await catalogue.transcript(checked(recording_id), version)
    return _text(subtitles.srt(found), "application/x-subrip; charset=utf-8")


@get(
    f"{_PATH}/transcript.vtt",
    media_type="text/vtt",
    summary="A transcript, as WebVTT subtitles",
    tags=["recordings"],
    responses=_MISSING,
)
async def transcript_vtt(
    recording_id: FromPath[str],
    catalogue: NamedDependency[Catalogue],
    version: _VersionNumber = None,
) -> Response[str]:
    """Give a version's transcript as WebVTT."""
    found = await catalogue.transcript(checked(recording_id), version)
    return _text(subtitles.vtt(found), "text/vtt")


def checked(recording_id: str) -> str:
    """The id, if it has the form of one. Raises BadInput."""
    if not RECORDING_ID.match(recording_id):
        raise BadInput(
            f"not a recording's id: {recording_id[:80]!r}",
            field="recording_id",
            limit="32 hex digits",
        )
    return recording_id


def _text(content: str, media_type: str) -> Response[str]:
    return Response(content, media_type=media_type)
