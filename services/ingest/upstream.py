"""Where recordings go: the store and the bus, either of which may be away, at start too."""

import asyncio
import logging
from collections.abc import Awaitable, Callable

from services.ingest.delivery import Delivery
from shared.bus import Bus
from shared.errors import BusUnavailable, SettingError
from shared.health import OK, Result, degraded
from shared.object_store import ObjectStore
from shared.topology import Topology

_PROBE = 1.5
"""Seconds within which store and bus must answer to count as there."""
_log = logging.getLogger(__name__)


class Upstream:
    """The store and the bus, with what they must hold made when it is missing."""

    def __init__(self, store: ObjectStore, bus: Bus, topology: Topology) -> None:
        """Neither needs to be connected yet."""
        self._store = store
        self._bus = bus
        self._topology = topology
        self._store_is_made = False
        self._bus_is_made = False
        # One each: a bus that hangs must not keep audio from the store.
        self._store_turn = asyncio.Lock()
        self._bus_turn = asyncio.Lock()

    def doubt(self) -> None:
        """Look again whether bucket and streams are there: something was away."""
        self._store_is_made = self._bus_is_made = False

    async def store(self) -> ObjectStore:
        """The store, its bucket made. Raises StoreUnavailable."""
        async with self._store_turn:
            if not self._store_is_made:
                await self._store.ensure()
                self._store_is_made = True
        return self._store

    async def delivery(self) -> Delivery:
        """Store and bus, with bucket and streams made. Raises Unavailable."""
        return Delivery(await self.store(), await self.bus())

    async def bus(self) -> Bus:
        """The bus, its streams made. Raises BusUnavailable."""
        async with self._bus_turn:
            if not self._bus_is_made:
                await self._make_streams()
                self._bus_is_made = True
        return self._bus

    async def _make_streams(self) -> None:
        try:
            await self._bus.ensure(self._topology)
        except SettingError as error:
            # Only an operator can mend that, and what was accepted is kept until then.
            _log.error("the streams cannot be made", extra={"error": str(error)})
            raise BusUnavailable(str(error)) from error

    async def check_store(self) -> Result:
        """For readiness."""
        return await _check(self._store.ready, "The S3 store is away; recordings wait here.")

    async def check_bus(self) -> Result:
        """For readiness."""
        return await _check(self._bus.ready, "NATS is away; recordings wait here.")


async def _check(ready: Callable[[], Awaitable[bool]], detail: str) -> Result:
    try:
        async with asyncio.timeout(_PROBE):
            return OK if await ready() else degraded(detail)
    except TimeoutError:
        return degraded(detail)
