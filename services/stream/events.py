"""`GET /v1/events`: what happens, as server-sent events."""

import asyncio
import logging
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Annotated

from litestar import Request, get
from litestar.datastructures import State
from litestar.di import NamedDependency
from litestar.params import HeaderParameter, QueryParameter
from litestar.types import ASGIApp, Receive, Scope, Send

from services.stream import filters as query
from services.stream.connection import transport_of
from services.stream.ending import UntilEnded
from services.stream.hub import Hub
from services.stream.sse import EventId, parse_id
from shared.access import Access
from shared.follow import Overrun
from shared.http.auth import TOKENS, require
from shared.http.problem import problems
from shared.http.query import pairs
from shared.http.tracing import UNTRACED
from shared.keys import Credential

_log = logging.getLogger(__name__)

_HEADERS = [
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-store"),
    # nginx would otherwise hold events back until its buffer is full.
    (b"x-accel-buffering", b"no"),
]

_DESCRIPTION = """\
Each event has the `event:` type `queued`, `started`, `segment`, `completed` or `failed`, an `id:`
and, as `data:`, one JSON object. Filters combine; a repeated filter offers alternatives. A message
to SUBMIT that was refused gives an event `refused`, which is of no recording.

A reader that comes back with the last id it saw misses nothing: by the header `Last-Event-ID`,
which browsers send by themselves, or else by `last_event_id`. Where that is not possible, because
the events are too old or the stream was made anew, one `gap` event says so first. Without an id
the stream begins with what comes next, or with the first event of each `recording` that is named.

When the key, the session or the token ends, so does the stream: with an event `ended`, whose
`reason` is `revoked`, `expired`, `signed-out` or `locked` (a first key was made).
"""


@get(
    "/v1/events",
    media_type="text/event-stream",
    summary="Follow events",
    description=_DESCRIPTION,
    tags=["events"],
    opt={**require("read"), UNTRACED: True, TOKENS: True},
    responses=problems(400),
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
    del recording, source, channel, type_, token
    wanted = query.granted(query.parse(pairs(request.scope["query_string"])), credential)
    resume = last_event_id_header or last_event_id
    stream = EventStream(hub, wanted, parse_id(resume) if resume else None)
    return UntilEnded(stream, access.ring, credential)


class EventStream:
    """An ASGI application that sends one reader its events for as long as it stays."""

    def __init__(self, hub: Hub, filters: query.Filters, after: EventId | None) -> None:
        """`after`: the last event that the reader has seen."""
        self._hub = hub
        self._filters = filters
        self._after = after

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send until the reader leaves, is too slow, or the service stops."""
        sending = asyncio.ensure_future(self._send(send))
        gone = asyncio.ensure_future(_gone(receive))
        try:
            await asyncio.wait({sending, gone}, return_when=asyncio.FIRST_COMPLETED)
            if sending.done():
                sending.result()
        except (Overrun, TimeoutError):
            _log.info("a reader was too slow and was cut off; it can resume")
            if transport := transport_of(scope):
                transport.abort()
                await gone
        finally:
            for task in (sending, gone):
                task.cancel()
            await asyncio.gather(sending, gone, return_exceptions=True)

    async def _send(self, send: Send) -> None:
        frames: AsyncGenerator[bytes, None] = self._hub.frames(self._filters, self._after)
        async with aclosing(frames):
            # The answer begins once the reader is subscribed.
            first = await anext(frames)
            await send({"type": "http.response.start", "status": 200, "headers": _HEADERS})
            await send({"type": "http.response.body", "body": first, "more_body": True})
            async for frame in frames:
                async with asyncio.timeout(self._hub.patience):
                    await send({"type": "http.response.body", "body": frame, "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
