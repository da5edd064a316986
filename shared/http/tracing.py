"""One SERVER span and one duration for each HTTP request.

Litestar's own plugin names spans by the path as it was asked for, which holds recording ids.
"""

import time

from litestar.enums import ScopeType
from litestar.middleware import ASGIMiddleware
from litestar.types import ASGIApp, Message, Receive, Scope, Send
from opentelemetry import propagate
from opentelemetry.semconv.attributes import http_attributes, url_attributes
from opentelemetry.trace import SpanKind, Status, StatusCode

from shared.telemetry import meter, tracer

_duration = meter.create_histogram(
    "http.server.request.duration", "s", "Duration of HTTP server requests"
)


class Traced(ASGIMiddleware):
    """Spans for requests, under the caller's trace if it sent a `traceparent`.

    A handler with `opt={"traced": False}` has none: health checks, and streams that last for hours.
    """

    scopes = (ScopeType.HTTP,)

    async def handle(self, scope: Scope, receive: Receive, send: Send, next_app: ASGIApp) -> None:
        """Trace one request, and pass it on."""
