"""`GET /v1/events`: what happens, as server-sent events."""

import asyncio
from typing import Annotated

from litestar import Request, get
from litestar.datastructures import State
from litestar.di import NamedDependency
from litestar.params import HeaderParameter, PathParameter, QueryParameter
from litestar.types import ASGIApp, Receive, Scope, Send

from services.stream import filters as query
from services.stream.connection import StreamProtocol, connection_of
from services.stream.examples import EVENTS
from services.stream.hub import Hub
from services.stream.sse import EventId, parse_id
from services.stream.wire import SendWire
from shared import subjects
from shared.access import Access
from shared.errors import Forbidden
from shared.http.auth import TOKENS, require
from shared.http.openapi import shown
from shared.http.problem import problems
from shared.http.query import pairs
from shared.http.tracing import UNTRACED
from shared.key_ring import KeyRing
from shared.key_set import Ended
from shared.keys import Credential

_MEDIA = "text/event-stream"
_HEADERS = [
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-store"),
    # nginx would otherwise hold events back until its buffer is full.
    (b"x-accel-buffering", b"no"),
]

_SUBJECT_DESCRIPTION = """\
For programs that know the subjects of NATS. It begins with what comes next, or resumes as
`/v1/events` does. Which subjects may be followed, `ECHOBASE_SUBJECTS` says.
"""

_OPEN_TO_ALL = [(b"access-control-allow-origin", b"*")]

_DESCRIPTION = """\
Each event has the `event:` type `queued`, `started`, `segment`, `completed`, `failed`, `corrected`
or `deleted`, an `id:` and, as `data:`, one JSON object. A message to SUBMIT that was refused gives
an event `refused`, which is of no recording.

Filters combine; a repeated one offers alternatives. In a source or a channel `*` stands for any
characters. One stream can carry several filters: each `filter` is one, percent-encoded, such as
`filter=source%3Dcounty%26type%3Dsegment`, and an event is sent once if any of them wants it.

A reader that comes back with the last id it saw misses nothing: by the header `Last-Event-ID`,
which browsers send by themselves, or else by `last_event_id`. Where that is not possible, because
the events are too old or the stream was made anew, one `gap` event says so first. Without an id
the stream begins with what comes next, or with the first event of each `recording` that is named.

When the key, the session or the token ends, so does the stream: with an event `ended`, whose
`reason` is `revoked`, `expired`, `signed-out` or `locked` (a first key was made).
"""


@get(
    "/v1/events",
    media_type=_MEDIA,
    summary="Follow events",
    description=_DESCRIPTION,
    tags=["events"],
    opt={**require("read"), UNTRACED: True, TOKENS: True},
    responses={200: shown(EVENTS, "The stream, which does not end", _MEDIA), **problems(400)},
)
async def events(
    request: Request[object, object, State],
    hub: NamedDependency[Hub],
    access: NamedDependency[Access],
    credential: NamedDependency[Credential],
    recording: Annotated[list[str] | None, QueryParameter(description="Recording id")] = None,
    source: Annotated[list[str] | None, QueryParameter(description="Who recorded it")] = None,
    channel: Annotated[list[str] | None, QueryParameter(description="Stream of the source")] = None,
    type_: Annotated[
        list[str] | None, QueryParameter(name="type", description="Type of event")
    ] = None,
    filter_: Annotated[
        list[str] | None,
        QueryParameter(name="filter", description="Another filter, as a query within the query"),
    ] = None,
    last_event_id: Annotated[
        str | None, QueryParameter(description="As the header; the header wins")
    ] = None,
    token: Annotated[
        str | None, QueryParameter(description="A stream token, of `POST /v1/stream-tokens`")
    ] = None,
    last_event_id_header: Annotated[
        str | None, HeaderParameter(name="Last-Event-ID", description="The last id that was seen")
    ] = None,
) -> ASGIApp:
    """Answer with the event stream that the query asks for."""
    # They are there for the documentation: the query is read as a whole, to refuse what is unknown.
    del recording, source, channel, type_, filter_, token
    wanted = query.asked(tuple(pairs(request.scope["query_string"])), credential)
    resume = last_event_id_header or last_event_id
    return EventStream(hub, access.ring, credential, wanted, parse_id(resume) if resume else None)


@get(
    "/v1/subjects/{subject:str}/events",
    media_type=_MEDIA,
    summary="Follow a NATS subject",
    description=_SUBJECT_DESCRIPTION,
    tags=["events"],
    opt={**require("read"), UNTRACED: True},
    responses={200: shown(EVENTS, "The stream, which does not end", _MEDIA), **problems(400, 403)},
)
async def subject_events(
    subject: Annotated[
        str,
        PathParameter(
            description="A subject under `echobase.events`, with NATS' `*`, and `>` at its end"
        ),
    ],
    hub: NamedDependency[Hub],
    access: NamedDependency[Access],
    credential: NamedDependency[Credential],
    allowed_subjects: NamedDependency[tuple[str, ...]],
    last_event_id: Annotated[
        str | None, QueryParameter(description="As the header; the header wins")
    ] = None,
    last_event_id_header: Annotated[
        str | None, HeaderParameter(name="Last-Event-ID", description="The last id that was seen")
    ] = None,
) -> ASGIApp:
    """Answer with the event stream of a subject."""
    wanted = query.parse_subject(subject)
    if not any(subjects.covers(each, subject) for each in allowed_subjects):
        raise Forbidden(
            f"{subject} may not be followed here: ECHOBASE_SUBJECTS allows "
            + ", ".join(allowed_subjects),
            field="subject",
        )
    resume = last_event_id_header or last_event_id
    after = parse_id(resume) if resume else None
    return EventStream(hub, access.ring, credential, query.granted(wanted, credential), after)


class EventStream:
    """An ASGI application that sends one reader its events, while its credential counts.

    The end of a credential is an event `ended`, and nothing comes after it.
    """

    def __init__(
        self,
        hub: Hub,
        ring: KeyRing,
        credential: Credential,
        wanted: query.Wanted,
        after: EventId | None,
    ) -> None:
        """`after`: the last event that the reader has seen."""
        self._hub = hub
        self._ring = ring
        self._credential = credential
        self._wanted = wanted
        self._after = after

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send until the reader leaves, is too slow, or the service stops."""
        # Pages of other origins may read what a stream token opens.
        shared = _OPEN_TO_ALL if self._credential.filters is not None else []
        headers = [*_HEADERS, *shared]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        with self._ring.watching(self._credential) as ended:
            if connection := connection_of(scope):
                await self._directly(connection, scope["http_version"], ended)
            else:
                await self._by_send(receive, send, ended)
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _directly(
        self, connection: StreamProtocol, http_version: str, ended: asyncio.Future[Ended]
    ) -> None:
        try:
            wire = connection.attach(http_version)
            await self._hub.serve(wire, self._wanted, self._after, ended)
        finally:
            connection.detach()

    async def _by_send(self, receive: Receive, send: Send, ended: asyncio.Future[Ended]) -> None:
        """As every ASGI server can."""
        wire = SendWire(send)
        tasks = [asyncio.ensure_future(wire.pump()), asyncio.ensure_future(_gone(receive, wire))]
        try:
            await self._hub.serve(wire, self._wanted, self._after, ended)
            await wire.flush()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)


async def _gone(receive: Receive, wire: SendWire) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    wire.on_lost()
