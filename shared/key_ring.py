"""The keys of a process: the set of the moment, and whoever waits for the end of a credential."""

import asyncio
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager

from shared.key_set import Ended, KeySet
from shared.keys import Credential


class KeyRing:
    """Holds the set of keys; `shared.key_keeper` brings it up to date."""

    def __init__(self, keys: KeySet, clock: Callable[[], float] = time.time) -> None:
        """`clock` gives seconds since 1970."""
        self._keys = keys
        self._clock = clock
        self._waiting: dict[Credential, set[asyncio.Future[Ended]]] = {}

    @property
    def keys(self) -> KeySet:
        """The set of the moment."""
        return self._keys

    def now(self) -> float:
        """Seconds since 1970."""
        return self._clock()

    def replace(self, keys: KeySet) -> None:
        """Go by another set from now on."""
        self._keys = keys
        self.look()

    def look(self) -> None:
        """Tell those who wait for a credential that counts no more."""
        now = self._clock()
        for credential in list(self._waiting):
            if (why := self._keys.ended(credential, now)) is not None:
                for future in self._waiting.pop(credential):
                    if not future.done():
                        future.set_result(why)

    @contextmanager
    def watching(self, credential: Credential) -> Generator[asyncio.Future[Ended]]:
        """A future that is done when the credential ends; it is looked at every second."""
        future: asyncio.Future[Ended] = asyncio.get_running_loop().create_future()
        waiting = self._waiting.setdefault(credential, set())
        waiting.add(future)
        try:
            yield future
        finally:
            waiting.discard(future)
            future.cancel()
            if not waiting and self._waiting.get(credential) is waiting:
                del self._waiting[credential]
