"""Whether store and bus answer, asked at most once a second however many callers wait."""

import asyncio
import time
from collections.abc import Callable

from services.ingest.upstream import Upstream
from shared.errors import BusUnavailable, StoreUnavailable, Unavailable

LONGEST = 5.0
"""Seconds without an answer after which callers are told: a server that restarts is back sooner."""
_FRESH = 1.0
_STALE = 5.0
"""Seconds after which the last answer says nothing of how long something has been away."""


class Pulse:
    """Of the store and the bus."""

    def __init__(
        self,
        upstream: Upstream,
        longest: float = LONGEST,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`longest`: seconds for which either may be away."""
        self._upstream = upstream
        self._longest = longest
        self._clock = clock
        self._lock = asyncio.Lock()
        self._asked = float("-inf")
        self._since: float | None = None
        self._error: Unavailable | None = None

    @property
    def beats(self) -> bool:
        """Whether both answered when they were asked last."""
        return self._since is None

    def now(self) -> float:
        """The clock's time."""
        return self._clock()

    async def away(self, since: float) -> Unavailable | None:
        """What has been away for too long, for somebody who waits since a time; else None."""
        async with self._lock:
            if (age := self._clock() - self._asked) >= _FRESH:
                await self._ask(age > _STALE)
        if self._since is None or self._clock() - max(since, self._since) < self._longest:
            return None
        return self._error

    async def _ask(self, anew: bool) -> None:
        bus, store = await asyncio.gather(self._upstream.check_bus(), self._upstream.check_store())
        self._asked = now = self._clock()
        if bus.status != "ok":
            self._error = BusUnavailable(bus.detail)
        elif store.status != "ok":
            self._error = StoreUnavailable(store.detail)
        else:
            self._since = self._error = None
            return
        if self._since is None or anew:
            self._since = now
