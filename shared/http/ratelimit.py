"""How often a key may call, as routes and answers say it; see `shared.rate`.

The headers are those of the IETF's draft-ietf-httpapi-ratelimit-headers-10:

    RateLimit-Policy: "default";q=300;w=60     so many calls in so many seconds
    RateLimit: "default";r=299;t=1             so many are left; all are again in so many seconds
"""

import math
from typing import TypeVar, cast

from litestar.connection import ASGIConnection
from litestar.datastructures import State
from litestar.datastructures.headers import MutableScopeHeaders
from litestar.enums import ScopeType
from litestar.middleware import ASGIMiddleware
from litestar.types import ASGIApp, Message, Receive, Scope, Send

from shared.errors import TooManyRequests
from shared.rate import Left, Limiter

Handler = TypeVar("Handler")
UNLIMITED = "unlimited"
"""A handler with `opt={UNLIMITED: True}` may be called as often as anyone likes: recorders' doors,
since a call that is refused is a call that is lost."""

_STATE = "echobase_rate"


def count(
    limiter: Limiter, caller: str, connection: ASGIConnection[Handler, object, object, State]
) -> None:
    """Count a request, and note what its answer has to say of it. Raises TooManyRequests."""
    left = limiter.take(caller)
    connection.scope["state"][_STATE] = left
    if left is not None and left.next_in:
        raise TooManyRequests("The key made too many calls.", retry_after=left.next_in)


class RateHeaders(ASGIMiddleware):
    """Says with every answer that was counted how many calls are left."""

    scopes = (ScopeType.HTTP,)

    def __init__(self, limiter: Limiter) -> None:
        self._rate = limiter.rate

    async def handle(self, scope: Scope, receive: Receive, send: Send, next_app: ASGIApp) -> None:
        """Answer one request."""
        policy = f'"default";q={self._rate.calls};w={self._rate.seconds}' if self._rate else ""

        async def telling(message: Message) -> None:
            if message["type"] == "http.response.start" and (
                left := cast(Left | None, scope["state"].get(_STATE))
            ):
                headers = MutableScopeHeaders(message)
                headers["RateLimit-Policy"] = policy
                headers["RateLimit"] = f'"default";r={left.calls};t={math.ceil(left.full_in)}'
            await send(message)

        await next_app(scope, receive, telling if policy else send)
