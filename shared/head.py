"""HEAD for every route that answers GET, as RFC 9110 (9.3.2) asks of a server.

Uptime checks and media players ask it before they ask for the whole.
"""

import asyncio
from collections.abc import Mapping

from shared.asgi import AsgiApp, Receive, Scope, Send


def answer_head(app: AsgiApp) -> AsgiApp:
    """The application, which is asked GET where the client asked HEAD.

    It is left once its headers are known: an event stream would never end by itself.
    """

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "HEAD":
            await app(scope, receive, send)
            return
        told = asyncio.Event()

        async def headers_alone(message: Mapping[str, object]) -> None:
            if message["type"] != "http.response.start":
                return
            await send(message)
            await send({"type": "http.response.body", "body": b""})
            told.set()

        # Without extensions, by which a response could reach the connection past `send`.
        get: Scope = {**scope, "method": "GET", "extensions": dict[str, object]()}
        asked = asyncio.ensure_future(app(get, receive, headers_alone))
        known = asyncio.ensure_future(told.wait())
        await asyncio.wait({asked, known}, return_when=asyncio.FIRST_COMPLETED)
        for task in (asked, known):
            task.cancel()
        await asyncio.gather(asked, known, return_exceptions=True)

    return answer
