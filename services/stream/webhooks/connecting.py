"""Connects to the address that was checked, and to no other.

The name is resolved once for a post, and the connection goes to an address that came of it: who
answers the next question otherwise ("DNS rebinding") gains nothing. TLS still asks for the name.
"""

from collections.abc import Iterable
from typing import cast

import httpcore

from services.stream.webhooks.address import Allowed, Target, choose
from services.stream.webhooks.resolver import Resolve


class CheckedBackend(httpcore.AsyncNetworkBackend):
    """Opens the connection of one post."""

    def __init__(self, target: Target, allowed: Allowed, resolve: Resolve) -> None:
        self._target = target
        self._allowed = allowed
        self._resolve = resolve
        # Its type is that of its stand-in, for whoever lacks anyio.
        self._inner = cast(httpcore.AsyncNetworkBackend, httpcore.AnyIOBackend())

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """See httpcore. Raises AddressRefused too, and OSError if there is no such name."""
        addresses = choose(self._target, await self._resolve(host, port), self._allowed)
        for address in addresses[:-1]:
            try:
                return await self._inner.connect_tcp(
                    address, port, timeout, local_address, socket_options
                )
            except (httpcore.ConnectError, httpcore.ConnectTimeout):
                continue
        return await self._inner.connect_tcp(
            addresses[-1], port, timeout, local_address, socket_options
        )

    async def connect_unix_socket(
        self,
        path: str,
        timeout: float | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Nobody is posted to by a file."""
        raise NotImplementedError

    async def sleep(self, seconds: float) -> None:
        """See httpcore."""
        await self._inner.sleep(seconds)
