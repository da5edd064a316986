"""Waiting for what is away, and giving up waiting when the process is told to end."""

import asyncio
import logging
import random
import time
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeVar

from shared.errors import Unavailable

T = TypeVar("T")
FIRST_WAIT = 0.1
LONGEST_WAIT = 5.0
_log = logging.getLogger(__name__)


class Stopped(Exception):
    """The process was told to end before the work was done."""


class Patience:
    """Bound to one process's order to stop."""

    def __init__(self, stopping: asyncio.Event, allowance: float = 2.0) -> None:
        """`allowance`: seconds that a short call may still take once `stopping` is set."""
        self._stopping = stopping
        self._allowance = allowance
        self._ordered: float | None = None
        self._order: asyncio.Task[object] | None = None

    def check(self) -> None:
        """Raises Stopped if the process was told to end."""
        if self._stopping.is_set():
            raise Stopped

    def left(self, allowance: float) -> float:
        """What is left of so many seconds, which begin with the order to end."""
        if not self._stopping.is_set():
            return allowance
        if self._ordered is None:
            self._ordered = time.monotonic()
        return max(0.0, self._ordered + allowance - time.monotonic())

    async def finish(self, work: Coroutine[Any, Any, T], allowance: float | None = None) -> T:
        """What the work returns; once told to end, it has `allowance` seconds left.

        Raises Stopped after that; the work is cancelled then.
        """
        seconds = self._allowance if allowance is None else allowance
        task = asyncio.ensure_future(work)
        try:
            await asyncio.wait({task, self._told()}, return_when=asyncio.FIRST_COMPLETED)
            if not task.done():
                await asyncio.wait({task}, timeout=seconds)
            if not task.done():
                raise Stopped
            return task.result()
        finally:
            await end(task)

    def _told(self) -> asyncio.Task[object]:
        # One for all calls: a recording makes some thirty, and a task for each is a third of them.
        if self._order is None:
            self._order = asyncio.create_task(self._stopping.wait())
        return self._order

    async def outlast(self, call: Callable[[], Awaitable[T]]) -> T:
        """What the call returns once what it needs is back.

        Says so once when it goes away and once when it is back. Raises Stopped.
        """
        return await self.finish(_again(call))


async def _again(call: Callable[[], Awaitable[T]]) -> T:
    wait = FIRST_WAIT
    away = False
    while True:
        try:
            result = await call()
        except Unavailable as error:
            if not away:
                _log.warning("waiting: %s", error, extra={"code": error.code})
            away = True
            await asyncio.sleep(wait * random.uniform(0.5, 1.0))  # noqa: S311 - no secret
            wait = min(LONGEST_WAIT, 2 * wait)
        else:
            if away:
                _log.info("going on: what was away is back")
            return result


async def end(task: asyncio.Future[T]) -> None:
    """Cancel a task until it is over, for at most two seconds.

    Once is not always enough: `asyncio.wait_for` of Python 3.11 loses a cancellation that meets
    the end of what it waits for, and nats-py then goes on connecting.
    """
    for _ in range(20):
        if task.done():
            return
        task.cancel()
        await asyncio.wait({task}, timeout=0.1)
