"""How long a caller's wait may last: until its time is over, the service stops, or all is away."""

import asyncio
from collections.abc import Callable, Coroutine
from types import TracebackType
from typing import Self, TypeVar

from services.ingest.pulse import Pulse
from shared.errors import Unavailable

T = TypeVar("T")
_EVERY = 0.5
"""Seconds between two looks at whether store and bus are there."""


class NotReady(Unavailable):
    """The transcript is not ready, and the caller has waited long enough."""

    code = "not-ready"


class Patience:
    """One wait. Its work may be done in several pieces, each of them `within` it."""

    def __init__(
        self, pulse: Pulse, stopping: asyncio.Event, seconds: float, back: Callable[[], None]
    ) -> None:
        """`back` is called now and then while store and bus are there."""
        self._pulse = pulse
        self._stopping = stopping
        self._seconds = seconds
        self._back = back
        self._deadline = 0.0
        self._ends: set[asyncio.Task[None]] = set()

    def __enter__(self) -> Self:
        """Begin."""
        self._deadline = asyncio.get_running_loop().time() + self._seconds
        self._ends = {asyncio.ensure_future(self._stop()), asyncio.ensure_future(self._watch())}
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End."""
        for task in self._ends:
            _drop(task)

    async def within(self, work: Coroutine[object, object, T]) -> T:
        """What comes of the work. Raises NotReady, or Unavailable, if the wait ends first."""
        doing = asyncio.ensure_future(work)
        try:
            left = max(0.0, self._deadline - asyncio.get_running_loop().time())
            await asyncio.wait(
                {doing, *self._ends}, timeout=left, return_when=asyncio.FIRST_COMPLETED
            )
            if doing.done():
                return doing.result()
        finally:
            if not doing.done():
                _drop(doing)
        for ended in self._ends:
            if ended.done():
                ended.result()
        raise NotReady(f"The transcript was not ready within {self._seconds:g} seconds.")

    async def _stop(self) -> None:
        await self._stopping.wait()
        raise NotReady("The service is being restarted; the recording is kept.")

    async def _watch(self) -> None:
        began = self._pulse.now()
        while True:
            await asyncio.sleep(_EVERY)
            if (away := await self._pulse.away(began)) is not None:
                raise away
            if self._pulse.beats:
                self._back()


def _drop(task: "asyncio.Task[T]") -> None:
    task.cancel()
    # An error that it ends with was told, or comes too late.
    task.add_done_callback(lambda ended: ended.cancelled() or ended.exception())
