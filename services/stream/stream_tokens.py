"""`POST /v1/stream-tokens`: a third party's page may follow some events, for a short time.

An EventSource can send no header, and a key does not belong into an address or into somebody
else's page. A token in the query is good for the events of its filters alone, and ends soon, with
the key that asked for it at the latest.
"""

from datetime import UTC, datetime
from typing import Annotated
from urllib.parse import urlencode

from litestar import Request, post
from litestar.datastructures import State
from litestar.di import NamedDependency
from litestar.openapi.spec import Example
from litestar.params import Body
from msgspec import Meta, Struct

from services.stream import filters
from services.stream.examples import RECEIVED, STREAM
from services.stream.recordings import Links
from shared.access import Access
from shared.http.auth import TOKEN, address_of, require
from shared.http.openapi import shown
from shared.http.problem import problems
from shared.keys import Credential

_LONGEST = 3600
_Values = Annotated[list[str], Meta(max_length=100)]


class StreamTokenOrder(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which events the token opens: the filters of `GET /v1/events`, and for how long."""

    recording: Annotated[_Values, Meta(description="Recording ids")] = []
    source: Annotated[_Values, Meta(description="Who recorded it")] = []
    channel: Annotated[_Values, Meta(description="Streams of the source")] = []
    type: Annotated[_Values, Meta(description="Types of event")] = []
    seconds: Annotated[
        int, Meta(ge=1, le=_LONGEST, description="How long it counts", examples=[300])
    ] = 300


class StreamToken(Struct, frozen=True, kw_only=True):
    """Leave to follow some events."""

    token: Annotated[str, Meta(description="For `?token=` of `GET /v1/events`")]
    expires: Annotated[datetime, Meta(description="When it ends, open event streams included")]
    events: Annotated[str, Meta(description="Address of the events, the token included")]


_TOKEN = "eyJrIjoiMWYwYzlhM2UifQ.c2lnbmF0dXJl"  # noqa: S105 - an example
_EXAMPLE = StreamToken(
    token=_TOKEN,
    expires=RECEIVED,
    events=f"{STREAM}/v1/events?token={_TOKEN}",
)
_ORDER = Body(examples=[Example(value={"source": ["county"], "type": ["segment"], "seconds": 300})])


@post(
    "/v1/stream-tokens",
    status_code=201,
    summary="A token for an event stream",
    tags=["events"],
    opt=require("read"),
    responses={201: shown(_EXAMPLE, "The token"), **problems(400, 503)},
)
async def stream_token(
    data: Annotated[StreamTokenOrder, _ORDER],
    request: Request[object, object, State],
    credential: NamedDependency[Credential],
    links: NamedDependency[Links],
    access: NamedDependency[Access],
) -> StreamToken:
    """Give a short-lived token that opens the events of these filters, for other people's pages.

    It counts in the query, which ends up in histories and logs: that is why it is short-lived.
    """
    pairs = tuple((name, value) for name in filters.NAMES for value in getattr(data, name))
    filters.parse(pairs)
    ring = access.ring
    token, expires = ring.keys.stream_token(credential, pairs, data.seconds, ring.now())
    access.audit.note("stream-token", credential, address_of(request), filters=urlencode(pairs))
    return StreamToken(
        token=token,
        expires=datetime.fromtimestamp(expires, UTC),
        events=f"{links.stream}/v1/events?{urlencode({TOKEN: token})}",
    )
