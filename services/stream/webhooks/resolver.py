"""Names to addresses: a name that is slow to resolve holds up nobody else's.

The event loop's own look-ups share a few threads, which names without an answer would fill for as
long as the system's resolver waits. Here each name has at most one thread of its own, and the
process ends without waiting for it.
"""

import asyncio
import socket
import threading
from collections.abc import Awaitable, Callable
from contextlib import suppress

Resolve = Callable[[str, int], Awaitable[list[str]]]
"""Host and port to addresses. Raises OSError."""


class Resolver:
    """Looks up names, each once at a time."""

    def __init__(self) -> None:
        self._asked: dict[tuple[str, int], asyncio.Future[list[str]]] = {}

    async def __call__(self, host: str, port: int) -> list[str]:
        """The addresses of a host; an address is its own. Raises OSError."""
        key = host, port
        if key not in self._asked:
            self._asked[key] = self._ask(host, port)
            self._asked[key].add_done_callback(lambda _: self._asked.pop(key, None))
        return list(await asyncio.shield(self._asked[key]))

    def _ask(self, host: str, port: int) -> asyncio.Future[list[str]]:
        loop = asyncio.get_running_loop()
        future: asyncio.Future[list[str]] = loop.create_future()
        # Whoever asked may have given up: nobody then looks at the error.
        future.add_done_callback(lambda done: done.cancelled() or done.exception())

        def look() -> None:
            try:
                found: list[str] | OSError = _addresses(host, port)
            except OSError as error:
                found = error
            except UnicodeError:  # a name that no resolver takes
                found = OSError(f"{host} is no name")
            with suppress(RuntimeError):  # the loop has ended
                loop.call_soon_threadsafe(_settle, future, found)

        threading.Thread(target=look, name=f"resolve {host}", daemon=True).start()
        return future


def _addresses(host: str, port: int) -> list[str]:
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(each[4][0]) for each in found))


def _settle(future: asyncio.Future[list[str]], found: list[str] | OSError) -> None:
    if future.done():
        return
    if isinstance(found, OSError):
        future.set_exception(found)
    else:
        future.set_result(found)
