"""Takes files of the watched folder, several at a time: what is new before what is old."""

import asyncio
import itertools
import logging
import random
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import NamedTuple

from services.ingest.watch.agenda import Agenda
from services.ingest.watch.decide import Take, Verdict, judge
from services.ingest.watch.description import LIVE
from services.ingest.watch.folder import Changed
from services.ingest.watch.ledger import Row, Rows
from services.ingest.watch.names import Group
from services.ingest.watch.taker import Taker, name_of
from shared.errors import EchoBaseError

WIDTH = 4
"""Files that are taken at a time."""
_EVERY = 60.0
"""Seconds between two lines of the log that say that files wait for room."""
_NANO = 10**9
_log = logging.getLogger(__name__)


class _Job(NamedTuple):
    """A file that is to be taken; the least first."""

    rank: tuple[bool, int]
    """Whether it is old; when it was written."""
    ticket: int
    group: Group
    take: Take


class Crew:
    """Those who take files."""

    def __init__(
        self,
        taker: Taker,
        agenda: Agenda,
        record: Callable[[Group, Rows], Awaitable[None]],
        changed: Callable[[], None],
        settle: float,
    ) -> None:
        """`record` writes into the ledger; `changed` tells that the agenda has something due."""
        self._taker = taker
        self._agenda = agenda
        self._record = record
        self._changed = changed
        self._settle = settle
        self._jobs: asyncio.PriorityQueue[_Job] = asyncio.PriorityQueue()
        self._ticket = itertools.count()
        self._silent_until = 0.0

    def add(self, group: Group, take: Take) -> None:
        """Have a file taken."""
        self._agenda.begin(group)
        is_old = time.time() - take.stamp.modified / _NANO > LIVE
        self._put(_Job((is_old, take.stamp.modified), next(self._ticket), group, take))

    async def run(self, stopping: asyncio.Event) -> None:
        """Take files until `stopping`; those in hand are finished."""
        async with asyncio.TaskGroup() as tasks:
            for _ in range(WIDTH):
                tasks.create_task(self._work(stopping))

    def _put(self, job: _Job) -> None:
        self._jobs.put_nowait(job)

    async def _work(self, stopping: asyncio.Event) -> None:
        while job := await self._next(stopping):
            verdict = await self._try(job)
            if verdict.what == "room":
                self._put(job)
                await _sleep(verdict.pause, stopping)
            else:
                now = asyncio.get_running_loop().time()
                self._agenda.end(job.group, now + verdict.pause)
                self._changed()

    async def _next(self, stopping: asyncio.Event) -> _Job | None:
        """The next file; None when stopping."""
        get = asyncio.ensure_future(self._jobs.get())
        order = asyncio.ensure_future(stopping.wait())
        try:
            await asyncio.wait({get, order}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            order.cancel()
            get.cancel()
        return None if stopping.is_set() or not get.done() else get.result()

    async def _try(self, job: _Job) -> Verdict:
        try:
            await self._take(job.group, job.take)
            verdict = Verdict("look")
        except Exception as error:  # noqa: BLE001 - one file must not end the service
            tries = self._agenda.failed(job.group)
            verdict = judge(error, tries, self._settle, random.random())  # noqa: S311 - no secret
            self._say(job, error, verdict, tries)
            if verdict.what == "refuse":
                verdict = await self._refuse(job)
        else:
            self._agenda.went_well(job.group)
        return verdict

    async def _take(self, group: Group, take: Take) -> None:
        held, new = await self._taker.take(group, take)
        rows = {take.suffix: Row(take.stamp, "call" if take.is_call else "plain")}
        await self._record(group, rows | {s: Row(stamp, "twin") for s, stamp in take.twins.items()})
        id = held.entry.recording.id
        extra = {"path": name_of(group, take.suffix), "recording": id, "new": new}
        _log.info("taken from the watched folder", extra=extra)

    async def _refuse(self, job: _Job) -> Verdict:
        try:
            await self._record(job.group, {job.take.suffix: Row(job.take.stamp, "refused")})
        except Exception as error:  # noqa: BLE001 - the ledger cannot be written
            _log.exception("a refusal cannot be written down", exc_info=error)
            return Verdict("look", self._settle)
        self._agenda.went_well(job.group)
        return Verdict("look")

    def _say(self, job: _Job, error: Exception, verdict: Verdict, tries: int) -> None:
        extra = {
            "path": name_of(job.group, job.take.suffix),
            "code": error.code if isinstance(error, EchoBaseError) else type(error).__name__,
            "reason": str(error),
        }
        if verdict.what == "refuse":
            _log.warning("a file of the watched folder is not taken", extra=extra)
        elif verdict.what == "room":
            now = time.monotonic()
            if now >= self._silent_until:
                self._silent_until = now + _EVERY
                _log.warning("files of the watched folder wait for room", extra=extra)
        elif not isinstance(error, Changed):
            unexpected = not isinstance(error, EchoBaseError | OSError)
            level = logging.WARNING if tries == 1 else logging.DEBUG
            message = "a file of the watched folder is tried again"
            _log.log(level, message, extra=extra, exc_info=error if unexpected else None)


async def _sleep(seconds: float, stopping: asyncio.Event) -> None:
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await stopping.wait()
