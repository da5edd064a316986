"""Performs the schedule."""

import asyncio
import time
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack

from shared.errors import BusUnavailable
from shared.nats_link import Link
from shared.subjects import Lane
from shared.topology import lane_consumer
from tests.chaos.ambush import Ambush
from tests.chaos.schedule import (
    Action,
    Blackout,
    DeleteConsumer,
    Due,
    Fill,
    Freeze,
    Kill,
    Outage,
    Pause,
    PowerCut,
    Stop,
)
from tests.chaos.stack import GRACE, SERVERS, SERVICES, TRANSCRIBERS, Stack
from tests.chaos.tally import Tally
from tests.chaos.waiting import within
from tests.chaos.watch import Watch

_BUSY = 3.0
"""Seconds for which a worker's end waits for it to have something in hand."""
_SLACK = 3.0
"""Seconds beyond its grace after which a service that was asked to end has not."""


class Disturber:
    """Does to a stack what a schedule says."""

    def __init__(
        self,
        stack: Stack,
        watch: Watch,
        link: Link,
        ambush: Ambush,
        tally: Tally,
        tell: Callable[[str], None],
    ) -> None:
        """`tell` is given a line for each thing that is done."""
        self._stack = stack
        self._watch = watch
        self._link = link
        self._ambush = ambush
        self._tally = tally
        self._tell = tell

    async def run(self, schedule: Sequence[Due]) -> None:
        """Do everything when it is due; returns once all runs again. Raises NotReady."""
        began = time.monotonic()
        async with asyncio.TaskGroup() as tasks:
            for due in schedule:
                await asyncio.sleep(max(0.0, began + due.at - time.monotonic()))
                self._tell(str(due))
                tasks.create_task(self._perform(due.action))

    async def _perform(self, action: Action) -> None:  # noqa: C901 - one line for each action
        match action:
            case Kill("transcriber", down):
                await self._kill(await self._ambush.busy_worker() or TRANSCRIBERS[0], down)
            case Kill(target, down):
                await self._kill(target, down)
            case Stop(target):
                await self._stop(target)
            case Freeze(target, seconds):
                await self._freeze(target, seconds)
            case Pause():
                await self._ambush.pause()
            case Fill():
                await self._ambush.fill()
            case Outage():
                await self._ambush.outage()
            case PowerCut(down):
                await self._ambush.cut_power(down)
            case Blackout(down):
                await self._black_out(down)
            case DeleteConsumer(lane):
                await self._delete_consumer(lane)

    async def _kill(self, name: str, down: float) -> None:
        async with self._stack.turn(name):
            await self._until_busy(name)
            self._end(name)
            await asyncio.sleep(down)
            await self._stack.start(name)

    async def _stop(self, name: str) -> None:
        async with self._stack.turn(name):
            await self._until_busy(name)
            process = self._stack.process(name)
            process.terminate()
            ended = await within(lambda: not process.alive, GRACE + _SLACK)
            if not ended or process.exit_code != 0:
                how = f"ended with {process.exit_code}" if ended else "has not ended"
                self._tally.impolite.append(f"{name} {how}")
                process.kill()
            self._tally.others["stopped politely"] += 1
            await self._stack.start(name)

    async def _freeze(self, name: str, seconds: float) -> None:
        async with self._stack.turn(name):
            self._stack.freeze(name)
            self._tally.unanswered(name)
            self._tally.others["frozen"] += 1
            await asyncio.sleep(seconds)
            self._stack.thaw(name)

    async def _black_out(self, down: float) -> None:
        names = (*reversed(SERVERS), *SERVICES)
        async with AsyncExitStack() as turns:
            for name in names:
                await turns.enter_async_context(self._stack.turn(name))
            for name in names:
                self._end(name)
            await asyncio.to_thread(self._stack.cut_power)
            self._tally.others["power cut of everything"] += 1
            await asyncio.sleep(down)
            await self._stack.start(*names)

    async def _delete_consumer(self, lane: Lane) -> None:
        name = lane_consumer(lane).name
        deleted = False
        while not deleted:
            try:
                await self._link.wait_connected()
                await self._link.request(f"$JS.API.CONSUMER.DELETE.JOBS.{name}")
                deleted = True
            except BusUnavailable:
                continue
        self._tally.others["consumer deleted"] += 1
        self._tally.unanswered("nats-server")

    def _end(self, name: str) -> None:
        self._stack.kill(name)
        self._tally.killed(name)
        if name in TRANSCRIBERS:
            self._watch.forget(name)

    async def _until_busy(self, name: str) -> None:
        if name in TRANSCRIBERS:
            await within(lambda: self._watch.is_busy(name), _BUSY)
