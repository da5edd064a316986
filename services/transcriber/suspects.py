"""A job that may have killed a worker is worked on beside none that it could take along.

An attempt counts against a job when a worker dies before it has stored anything of it
(`VersionState.attempts_without_progress`). A process that has many jobs in hand would thus count
one job's poison against all of them. So an attempt is `fresh` from its `started` until it has
stored something; a suspect, whose last attempt ended without, begins when no other is fresh, and
none begins before it has stored something itself or is through.
"""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager


class Fresh:
    """An attempt that has stored nothing yet."""

    def __init__(self, room: "Suspects", suspect: bool) -> None:
        self._room = room
        self.suspect = suspect
        """Whether it must be alone; no longer once it has stored something."""
        self._inside = True

    def settled(self) -> None:
        """It has stored something, or is over."""
        if self._inside:
            self._inside = False
            self._room.leave(self)
            self.suspect = False


class Suspects:
    """Who may begin, in one worker."""

    def __init__(self) -> None:
        self._fresh = 0
        self._wanted = 0
        self._inside = False
        self._changed = asyncio.Condition()
        self._wakers: set[asyncio.Task[None]] = set()

    @asynccontextmanager
    async def enter(self, *, suspect: bool) -> AsyncGenerator[Fresh]:
        """Begin an attempt, once it may."""
        await (self._wait_alone() if suspect else self._wait())
        fresh = Fresh(self, suspect)
        try:
            yield fresh
        finally:
            fresh.settled()

    def leave(self, fresh: Fresh) -> None:
        """An attempt is no longer fresh."""
        if fresh.suspect:
            self._inside = False
        else:
            self._fresh -= 1
        task = asyncio.get_running_loop().create_task(self._wake())
        self._wakers.add(task)
        task.add_done_callback(self._wakers.discard)

    async def _wake(self) -> None:
        async with self._changed:
            self._changed.notify_all()

    async def _wait(self) -> None:
        async with self._changed:
            # A suspect that waits goes first: fresh ones would keep it waiting for ever.
            await self._changed.wait_for(lambda: not (self._inside or self._wanted))
            self._fresh += 1

    async def _wait_alone(self) -> None:
        self._wanted += 1
        try:
            async with self._changed:
                await self._changed.wait_for(lambda: not (self._inside or self._fresh))
                self._inside = True
        finally:
            self._wanted -= 1
            await self._wake()
