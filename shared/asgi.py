"""The shape of an ASGI application, as far as we need it without a framework.

Callables are left open where two libraries describe the same dictionaries by types of their own.
"""

from collections.abc import Awaitable, Callable, Mapping

Scope = Mapping[str, object]
Receive = Callable[[], Awaitable[Mapping[str, object]]]
Send = Callable[..., Awaitable[None]]
AsgiApp = Callable[..., Awaitable[None]]
"""Called with scope, receive, send."""


async def respond(
    send: Send,
    status: int,
    body: bytes,
    content_type: str = "application/json",
    headers: Mapping[str, str] | None = None,
) -> None:
    """Send a whole response."""
    given = {
        "content-type": content_type,
        "content-length": str(len(body)),
        "cache-control": "no-store",
        **(headers or {}),
    }
    await send(
        {
            "type": "http.response.start",
            "status": status,
            "headers": [(k.encode("latin-1"), v.encode("latin-1")) for k, v in given.items()],
        }
    )
    await send({"type": "http.response.body", "body": body})
