"""One SERVER span and one duration for each HTTP request.

Litestar's own plugin names spans by the path as it was asked for, which holds recording ids.
"""

import time

from litestar import Request
from litestar.datastructures import State
from litestar.enums import ScopeType
from litestar.middleware import ASGIMiddleware
from litestar.types import ASGIApp, Message, Receive, Scope, Send
from opentelemetry import propagate
from opentelemetry.trace import SpanKind, Status, StatusCode

from shared.telemetry import meter, tracer

UNTRACED = "untraced"
"""A handler with `opt={UNTRACED: True}` has no span: health, and streams that last for hours."""

_duration = meter.create_histogram(
    "http.server.request.duration", "s", "Duration of HTTP server requests"
)


class Traced(ASGIMiddleware):
    """A span for each request, in the caller's trace if it sent a `traceparent`."""

    scopes = (ScopeType.HTTP,)
    exclude_opt_key = UNTRACED

    async def handle(self, scope: Scope, receive: Receive, send: Send, next_app: ASGIApp) -> None:
        """Trace one request, and pass it on."""
        request = Request[object, object, State](scope)
        labels: dict[str, str | int] = {
            "http.request.method": request.method,
            # The template, since a path holds ids.
            "http.route": scope["path_template"],
            "url.scheme": scope["scheme"],
        }
        outcome: dict[str, str | int] = {}

        async def observed(message: Message) -> None:
            if message["type"] == "http.response.start":
                outcome["http.response.status_code"] = message["status"]
            await send(message)

        started = time.perf_counter()
        with tracer.start_as_current_span(
            f"{labels['http.request.method']} {labels['http.route']}",
            context=propagate.extract(dict(request.headers)),
            kind=SpanKind.SERVER,
            attributes={**labels, "url.path": scope["path"]},
        ) as span:
            try:
                await next_app(scope, receive, observed)
            except Exception as error:
                outcome["error.type"] = type(error).__qualname__
                raise
            finally:
                span.set_attributes(outcome)
                if int(outcome.get("http.response.status_code", 0)) >= 500:
                    span.set_status(Status(StatusCode.ERROR))
                _duration.record(time.perf_counter() - started, {**labels, **outcome})
