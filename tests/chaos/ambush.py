"""Disturbances that send recordings of their own, to strike at the right moment."""

import asyncio
import random
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from tests.chaos.bounds import OF_ONE
from tests.chaos.clips import Clip, Studio
from tests.chaos.door import ACCEPTED, Door
from tests.chaos.doors import RAW, WATCHED
from tests.chaos.producer import FULL, Producer
from tests.chaos.schedule import Action, Due, Fill, Kill, Outage, Pause, PowerCut
from tests.chaos.stack import ACK_WAIT, SPOOL_BYTES, Stack
from tests.chaos.tally import Tally
from tests.chaos.waiting import within
from tests.chaos.watch import Watch

_LONG = 120.0
"""Seconds of audio that keep a worker busy while something is done to it."""
_BEGUN = 2 * OF_ONE
"""Chunks that a worker must have begun to be in the middle of a recording, some of them stored."""
_BULKY = 60.0
_FILLERS = SPOOL_BYTES // int(_BULKY * 32_000) + 2
_WAITING = 3
"""Recordings in the spool while the power is cut."""
_TAKEN = 30.0
"""Seconds within which some worker must take a recording that was just sent."""
_FENCED = 10.0
"""Seconds within which a worker that wakes must find that its job is another's."""


@dataclass(frozen=True)
class Baits:
    """Recordings that are sent for a disturbance's sake."""

    long: Iterator[Clip]
    bulky: Iterator[Clip]
    short: Iterator[Clip]
    plain: Iterator[Clip]
    """Which a folder can tell of."""


def make_baits(studio: Studio, schedule: Iterable[Due]) -> tuple[Baits, list[Clip]]:
    """As many as the schedule needs; all of them too."""
    actions = [due.action for due in schedule]
    long = [studio.long(_LONG) for a in actions if _needs_a_busy_worker(a)]
    bulky = [studio.bulky(_BULKY) for a in actions if isinstance(a, Fill) for _ in range(_FILLERS)]
    short = [
        studio.short() for a in actions if isinstance(a, PowerCut | Outage) for _ in range(_WAITING)
    ]
    plain = [_watched(studio) for a in actions if isinstance(a, PowerCut)]
    baits = Baits(iter(long), iter(bulky), iter(short), iter(plain))
    return baits, [*long, *bulky, *short, *plain]


def _watched(studio: Studio) -> Clip:
    """One that some file in the folder can be."""
    while True:
        clip = studio.short()
        if _file_of(clip):
            return clip


def _file_of(clip: Clip) -> Door | None:
    return next((door for door in WATCHED if door.takes(clip, words=False)), None)


class Ambush:
    """Does them to a stack."""

    def __init__(
        self, stack: Stack, watch: Watch, producer: Producer, baits: Baits, tally: Tally
    ) -> None:
        self._stack = stack
        self._watch = watch
        self._producer = producer
        self._baits = baits
        self._tally = tally
        # Two sleepers would wait for each other to take over.
        self._one_sleeps = asyncio.Lock()

    async def busy_worker(self) -> str | None:
        """The worker that is in the middle of a long recording, which is sent for that.

        None if it was done before it could be seen, or is taken by nobody.
        """
        return (await self._bait())[1]

    async def pause(self) -> None:
        """Stop a worker until another one has its recording, then let it find that out."""
        async with self._one_sleeps:
            await self._pause()

    async def _pause(self) -> None:
        clip, worker = await self._bait()
        if worker is None:
            return
        async with self._stack.turn(worker):
            if self._watch.who_has(clip.recording) != worker:
                return
            fenced = self._watch.fenced(worker)
            self._stack.freeze(worker)
            self._tally.unanswered(worker)
            self._tally.others["worker paused"] += 1
            taken_over = await within(
                lambda: self._watch.last_start(clip.recording) != worker, _TAKEN + ACK_WAIT
            )
            self._stack.thaw(worker)
            if taken_over:
                self._tally.pauses += 1
                await within(lambda: self._watch.fenced(worker) > fenced, _FENCED)

    async def fill(self) -> None:
        """Send to ingest until its spool is full, with the store away."""
        fillers = [next(self._baits.bulky) for _ in range(_FILLERS)]
        async with self._stack.turn("store"):
            self._kill("store")
            for clip in fillers:
                if await self._producer.try_once(clip) == FULL:
                    self._tally.others["spool filled"] += 1
                    break
            await self._stack.start("store")
        await self._send_all(fillers)

    async def outage(self) -> None:
        """Send while neither server is there."""
        servers = ["store", "nats-server"]
        async with self._stack.turn("store"), self._stack.turn("nats-server"):
            for name in servers:
                self._kill(name)
            refused = await self._send_waiting()
            self._tally.others["both servers away"] += 1
            random.shuffle(servers)
            await self._stack.start(*servers)
        await self._send_all(refused)

    async def cut_power(self, down: float) -> None:
        """Send with the store away, so that it stays in the spool, and cut ingest's power."""
        async with self._stack.turn("store"):
            self._kill("store")
            refused = await self._send_waiting()
            async with self._stack.turn("ingest"):
                self._kill("ingest")
                await asyncio.to_thread(self._stack.cut_power)
                self._tally.others["power cut of ingest"] += 1
                # Nobody hears of it: it is found when ingest looks.
                file = next(self._baits.plain)
                await self._producer.send(file, door=_file_of(file) or RAW)
                await asyncio.sleep(down)
                await self._stack.start("ingest")
            await self._stack.start("store")
        await self._send_all(refused)

    async def _send_waiting(self) -> list[Clip]:
        """Send what cannot leave the spool now; returns what was not accepted, if it is full.

        What was accepted is not sent again: that would hide its loss.
        """
        clips = [next(self._baits.short) for _ in range(_WAITING)]
        statuses = await asyncio.gather(*(self._producer.try_once(clip) for clip in clips))
        return [c for c, status in zip(clips, statuses, strict=True) if status != ACCEPTED]

    async def _send_all(self, clips: Iterable[Clip]) -> None:
        await asyncio.gather(*(self._producer.send(clip) for clip in clips))

    async def _bait(self) -> tuple[Clip, str | None]:
        clip = next(self._baits.long)
        await self._producer.send(clip)
        await within(lambda: self._watch.who_has(clip.recording, _BEGUN) is not None, _TAKEN)
        return clip, self._watch.who_has(clip.recording)

    def _kill(self, name: str) -> None:
        self._stack.kill(name)
        self._tally.killed(name)


def _needs_a_busy_worker(action: Action) -> bool:
    return isinstance(action, Pause) or (
        isinstance(action, Kill) and action.target == "transcriber"
    )
