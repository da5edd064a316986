"""Performs the schedule."""

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from shared.errors import BusUnavailable
from shared.nats_link import Link
from shared.subjects import Lane
from shared.topology import lane_consumer
from tests.chaos.clips import Clip, Studio
from tests.chaos.history import Disturbances
from tests.chaos.producer import FULL, Producer
from tests.chaos.schedule import Action, DeleteConsumer, Due, Fill, Kill, Pause, PowerCut
from tests.chaos.stack import ACK_WAIT, SPOOL_BYTES, TRANSCRIBERS, Stack
from tests.chaos.waiting import within
from tests.chaos.watch import Watch

_LONG = 60.0
"""Seconds of audio that keep a worker busy while something is done to it."""
_BULKY = 60.0
_FILLERS = SPOOL_BYTES // int(_BULKY * 32_000) + 2
_WAITING = 3
"""Recordings in the spool while the power is cut."""
_TAKEN = 30.0
"""Seconds within which some worker must take a recording that was just sent."""
_FENCED = 10.0
"""Seconds within which a worker that wakes must find that its job is another's."""
_BUSY = 3.0
"""Seconds for which a worker's end waits for it to have something in hand."""


@dataclass(frozen=True)
class Baits:
    """Recordings that are sent for a disturbance's sake."""

    long: Iterator[Clip]
    bulky: Iterator[Clip]
    short: Iterator[Clip]


def make_baits(studio: Studio, schedule: Iterable[Due]) -> tuple[Baits, list[Clip]]:
    """As many as the schedule needs; all of them too."""
    actions = [due.action for due in schedule]
    long = [studio.long(_LONG) for a in actions if _needs_a_busy_worker(a)]
    bulky = [studio.bulky(_BULKY) for a in actions if isinstance(a, Fill) for _ in range(_FILLERS)]
    short = [studio.short() for a in actions if isinstance(a, PowerCut) for _ in range(_WAITING)]
    return Baits(iter(long), iter(bulky), iter(short)), [*long, *bulky, *short]


class Disturber:
    """Does to a stack what a schedule says."""

    def __init__(
        self,
        stack: Stack,
        watch: Watch,
        producer: Producer,
        link: Link,
        baits: Baits,
        tell: Callable[[str], None],
    ) -> None:
        """`tell` is given a line for each thing that is done."""
        self._stack = stack
        self._watch = watch
        self._producer = producer
        self._link = link
        self._baits = baits
        self._tell = tell
        self._interrupted = 0
        self._pauses = 0
        self.kills: Counter[str] = Counter()
        """Processes that were killed."""
        self.others: Counter[str] = Counter()
        """What else was done."""

    @property
    def disturbances(self) -> Disturbances:
        """What was done so far, for the checker."""
        return Disturbances(self._interrupted, self._pauses)

    async def run(self, schedule: Sequence[Due]) -> None:
        """Do everything when it is due; returns once all runs again. Raises NotReady."""
        began = time.monotonic()
        async with asyncio.TaskGroup() as tasks:
            for due in schedule:
                await asyncio.sleep(max(0.0, began + due.at - time.monotonic()))
                self._tell(str(due))
                tasks.create_task(self._perform(due.action))

    async def _perform(self, action: Action) -> None:
        match action:
            case Kill("transcriber", down):
                worker = await self._busy_worker(next(self._baits.long))
                await self._kill(worker, down)
            case Kill(target, down):
                await self._kill(target, down)
            case Pause():
                await self._pause(next(self._baits.long))
            case Fill():
                await self._fill()
            case PowerCut(down):
                await self._cut_power(down)
            case DeleteConsumer(lane):
                await self._delete_consumer(lane)

    async def _kill(self, name: str, down: float) -> None:
        async with self._stack.turn(name):
            if name in TRANSCRIBERS:
                await within(lambda: self._watch.in_hand(name) is not None, _BUSY)
            self._stack.kill(name)
            self.kills[name] += 1
            self._interrupted += _torn(name)
            if name in TRANSCRIBERS:
                self._watch.forget(name)
            await asyncio.sleep(down)
            await self._stack.start(name)

    async def _busy_worker(self, clip: Clip) -> str:
        """The worker that is in the middle of a clip, which is sent for that."""
        await self._producer.send(clip)
        await within(lambda: self._watch.who_has(clip.recording, 3) is not None, _TAKEN)
        return self._watch.who_has(clip.recording) or TRANSCRIBERS[0]

    async def _pause(self, clip: Clip) -> None:
        worker = await self._busy_worker(clip)
        async with self._stack.turn(worker):
            fenced = self._watch.fenced(worker)
            self._stack.freeze(worker)
            self._interrupted += 1
            self.others["worker paused"] += 1
            taken_over = await within(
                lambda: self._watch.last_start(clip.recording) not in (None, worker),
                _TAKEN + ACK_WAIT,
            )
            self._stack.thaw(worker)
            if taken_over:
                self._pauses += 1
                await within(lambda: self._watch.fenced(worker) > fenced, _FENCED)

    async def _fill(self) -> None:
        fillers = [next(self._baits.bulky) for _ in range(_FILLERS)]
        async with self._stack.turn("store"):
            self._stack.kill("store")
            self.kills["store"] += 1
            for clip in fillers:
                if await self._producer.try_once(clip) == FULL:
                    self.others["spool filled"] += 1
                    break
            await self._stack.start("store")
        for clip in fillers:
            await self._producer.send(clip)

    async def _cut_power(self, down: float) -> None:
        async with self._stack.turn("store"):
            # So that what is accepted now has not left the spool when the power goes.
            self._stack.kill("store")
            self.kills["store"] += 1
            waiting = [next(self._baits.short) for _ in range(_WAITING)]
            await asyncio.gather(*(self._producer.send(clip) for clip in waiting))
            async with self._stack.turn("ingest"):
                self._stack.kill("ingest")
                self.kills["ingest"] += 1
                await asyncio.to_thread(self._stack.cut_power)
                self.others["power cut"] += 1
                await asyncio.sleep(down)
                await self._stack.start("ingest")
            await self._stack.start("store")

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
        self.others["consumer deleted"] += 1
        self._interrupted += len(TRANSCRIBERS)


def _torn(name: str) -> int:
    """Jobs in hand that the end of a process may tear from their worker."""
    if name in TRANSCRIBERS:
        return 1
    return len(TRANSCRIBERS) if name == "nats-server" else 0


def _needs_a_busy_worker(action: Action) -> bool:
    return isinstance(action, Pause) or (
        isinstance(action, Kill) and action.target == "transcriber"
    )
