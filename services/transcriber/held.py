"""One at a time for each key."""

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Generic, TypeVar

K = TypeVar("K")


class Held(Generic[K]):
    """What somebody holds, others wait for."""

    def __init__(self) -> None:
        self._locks: dict[K, asyncio.Lock] = {}
        self._users: Counter[K] = Counter()

    @asynccontextmanager
    async def hold(self, key: K) -> AsyncGenerator[None]:
        """Hold a key, once nobody else does."""
        lock = self._locks.setdefault(key, asyncio.Lock())
        self._users[key] += 1
        try:
            async with lock:
                yield
        finally:
            self._users[key] -= 1
            if not self._users[key]:
                del self._users[key], self._locks[key]
