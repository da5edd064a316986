"""`POST /v1/recordings`: takes a recording in."""

from collections.abc import Mapping
from contextlib import suppress
from typing import Annotated, Literal

from litestar import Request, Response, post
from litestar.datastructures import State
from litestar.di import NamedDependency
from litestar.openapi.datastructures import ResponseSpec
from litestar.openapi.spec import Example
from msgspec import Meta, Struct

from services.ingest.entry import Held
from services.ingest.forwarder import Forwarder
from services.ingest.measures import Measures
from services.ingest.reception import Reception, Upload
from services.ingest.upload_docs import UploadOperation
from services.ingest.wait_query import take_out
from services.ingest.waiting import Erased, VersionFailed, Waiting
from shared.errors import Unavailable
from shared.http.auth import check_scopes, require
from shared.http.problem import problems
from shared.http.query import pairs
from shared.keys import Credential
from shared.messages import Transcript

PATIENCE = 2.0
"""Seconds for which an answer waits until the version's number is known."""


class Accepted(Struct, frozen=True, kw_only=True):
    """The recording is kept, and its transcript will come."""

    id: Annotated[str, Meta(description="Recording id", examples=["0" * 32])]
    version: Annotated[
        int | None,
        Meta(description="Its transcript's number; null while the store is away", examples=[1]),
    ]
    status: Annotated[
        Literal["accepted", "known"],
        Meta(description="`known`: asked for before with the same options; no second job is made"),
    ]
    events: Annotated[str, Meta(description="Address of its events, live and from their first on")]
    transcript: Annotated[str, Meta(description="Address of its transcript, once there is one")]


class Links(Struct, frozen=True):
    """Addresses that callers are told."""

    stream: str
    """Where stream is reached, without a slash at the end."""

    def recording(self, id: str) -> str:
        """Where a recording is described."""
        return f"{self.stream}/v1/recordings/{id}"

    def accepted(self, held: Held, known: bool) -> Accepted:
        """What an upload is answered."""
        id = held.entry.recording.id
        query = "" if held.version is None else f"?version={held.version}"
        return Accepted(
            id=id,
            version=held.version,
            status="known" if known else "accepted",
            events=f"{self.stream}/v1/events?recording={id}",
            transcript=f"{self.recording(id)}/transcript.json{query}",
        )


def example(version: int) -> Mapping[str, str | int]:
    """An answer, for the description."""
    id = "5d41402abc4b2a76b9719d911017c592"
    stream = "http://localhost:3000/v1"
    return {
        "id": id,
        "version": version,
        "status": "accepted",
        "events": f"{stream}/events?recording={id}",
        "transcript": f"{stream}/recordings/{id}/transcript.json?version={version}",
    }


TRANSCRIPT: Mapping[str, object] = {
    "recording": "5d41402abc4b2a76b9719d911017c592",
    "version": 1,
    "source": "county",
    "channel": "fire-dispatch",
    "duration": 4.2,
    "language": "en",
    "model": "medium.en",
    "created": "2026-03-01T12:00:05Z",
    "text": "Engine 7 on scene",
    "segments": [
        {"index": 0, "start": 0.4, "end": 3.1, "text": "Engine 7 on scene", "confidence": 0.93}
    ],
}
"""One, for descriptions."""


@post(
    "/v1/recordings",
    status_code=202,
    summary="Send a recording",
    tags=["recordings"],
    opt=require("ingest"),
    operation_class=UploadOperation,
    # The spool's own limits hold while the body is streamed, and name the setting.
    request_max_body_size=None,
    responses={
        202: ResponseSpec(
            Accepted,
            generate_examples=False,
            description="The recording is on this node's disk, and will be transcribed",
            examples=[Example(summary="A new recording", value=example(1))],
        ),
        200: ResponseSpec(
            Transcript,
            generate_examples=False,
            description="With `wait`, and ready in time: the transcript",
            examples=[Example(summary="A transcript", value=TRANSCRIPT)],
        ),
        **problems(400, 401, 408, 413, 415, 507),
    },
)
async def send_recording(
    request: Request[object, object, State],
    reception: NamedDependency[Reception],
    forwarder: NamedDependency[Forwarder],
    links: NamedDependency[Links],
    measures: NamedDependency[Measures],
    waiting: NamedDependency[Waiting],
    credential: NamedDependency[Credential],
) -> Response[Accepted] | Response[Transcript]:
    """Take a recording in, as a form with the field `file` or as the bare body.

    The answer comes as soon as the recording is safe on this node's disk, whether or not the store
    and the broker are there. Sent again, it is the same recording.

    With `wait` in the query the answer is the transcript, with status 200, if it is ready within so
    many seconds; the key then needs the scope `read` too. Otherwise, and as soon as it is known
    that none will come, it is that of an upload without it.
    """
    wait, query = take_out(pairs(request.scope["query_string"]), waiting.longest)
    if wait:
        check_scopes(credential, ("read",))
    upload = Upload(request.headers, query, request.receive, credential)
    with measures.upload() as outcome:
        held, new = await reception.take(upload)
        outcome.taken(held, new)
    if new:
        forwarder.add(held)
    headers = {"Location": links.recording(held.entry.recording.id)}
    if wait:
        with suppress(Unavailable, VersionFailed, Erased):
            transcript = await waiting.transcript(held, wait, request.receive)
            return Response(transcript, status_code=200, headers=headers)
    await forwarder.settle(held, PATIENCE)
    return Response(
        links.accepted(held, known=held.known or not new),
        status_code=202,
        headers=headers,
    )
