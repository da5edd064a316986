"""Between the attempts, each busy with its own recording, and the model that they share.

Every attempt hands in its chunks and waits for what is said in each. Which windows share a call is
decided in `schedule`; what a call gives does not depend on who shares it. A call that fails is made
again in halves, until only what fails alone has failed.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from contextvars import Context
from dataclasses import dataclass, replace

from services.transcriber.blocking import in_thread
from services.transcriber.chunk import Chunk, Spoken
from services.transcriber.engine import Engine
from services.transcriber.patience import Stopped
from services.transcriber.schedule import Call, Later, Limits, Ticket, choose
from services.transcriber.step import Decoding, Step, advance
from services.transcriber.turns import Turns
from services.transcriber.whisper import Encoded, Generated

AHEAD = 3
"""Chunks that are handed in, of all recordings together: so many times what the calls hold."""
_log = logging.getLogger(__name__)


class Line:
    """One recording's way to the model; open while its attempt lasts."""

    def __init__(self, rank: int, *, expected: bool) -> None:
        self.rank = rank
        self.last_turn = 0.0
        self.expected = expected
        """Whether its first chunk is on its way."""
        self.handed_in = 0
        """Chunks that are waiting for the model, or in it; kept by whoever hands them in."""


@dataclass(eq=False)
class _Chunk:
    """A chunk that was handed in."""

    line: Line
    engine: Engine
    alone: bool
    begun: asyncio.Future[None]
    """Done once the model begins with it."""
    told: bool = False
    """Whether whoever handed it in knows that."""


@dataclass(eq=False)
class _Asked:
    """A step that waits for its answer."""

    ticket: Ticket
    chunk: _Chunk
    answer: asyncio.Future[Generated]
    busy: bool = False
    """Whether a call is about it."""


class Batcher:
    """Fills the model's calls."""

    def __init__(self, workers: int, limits: Limits, turns: Turns, stopping: asyncio.Event) -> None:
        """`workers`: calls at a time; `turns`: of those who compute beside the model.

        `stopping` is the process's order to end.
        """
        self._workers = workers
        self._limits = limits
        self._turns = turns
        self._lines: set[Line] = set()
        self._asked: list[_Asked] = []
        self._encoding: list[Ticket] = []
        self._calls: set[asyncio.Task[None]] = set()
        self._turn = 0.0
        self._again: asyncio.TimerHandle | None = None
        self._stopping = stopping

    @property
    def waiting(self) -> int:
        """Windows that wait for the model, or are in it."""
        return len(self._asked)

    def open(self, rank: int, *, expected: bool = True) -> Line:
        """A line for a recording of a lane of that rank; to be closed.

        `expected`: whether others may wait for its first chunk.
        """
        line = Line(rank, expected=expected)
        self._lines.add(line)
        return line

    def close(self, line: Line) -> None:
        """Nothing more comes of a recording."""
        self._lines.discard(line)
        self._fill()  # what waited for it need not any more

    def has_room(self, line: Line) -> bool:
        """Whether a recording should hand in a further chunk.

        One may always wait; more only while there are few, since each holds its audio in memory.
        """
        most = AHEAD * self._workers * self._limits.most
        few = sum(each.handed_in for each in self._lines) < most
        return not self._stopping.is_set() and (line.handed_in == 0 or few)

    def stop(self) -> None:
        """The order to end came: what the model has not begun with raises Stopped."""
        for asked in self._asked:
            if not asked.chunk.begun.done() and not asked.answer.done():
                asked.answer.set_exception(Stopped())

    async def decode(
        self,
        line: Line,
        engine: Engine,
        make: Callable[[], Chunk],
        began: Callable[[], None],
        *,
        alone: bool = False,
    ) -> list[Spoken]:
        """What is said in a chunk.

        `make` is called in a thread; `began` when the model begins. `alone`: it shares no call.
        Raises Stopped, or what the model raises.
        """
        chunk = _Chunk(line, engine, alone, asyncio.get_running_loop().create_future())
        decoding, got = await self._begin(chunk, make)
        while isinstance(got, Step):
            asked = self._ask(chunk, got)
            try:
                await self._until_begun(chunk, asked, began)
                answer = await asked.answer
            finally:
                self._asked.remove(asked)
            got = await in_thread(lambda answer=answer: advance(decoding, answer))
        return got

    async def _begin(
        self, chunk: _Chunk, make: Callable[[], Chunk]
    ) -> tuple[Decoding, Step | list[Spoken]]:
        def begin() -> tuple[Decoding, Step | list[Spoken]]:
            decoding = chunk.engine.begin(make())
            return decoding, advance(decoding, None)

        async with self._turns.take(chunk.line.rank):
            if self._stopping.is_set():
                raise Stopped
            return await in_thread(begin)

    async def _until_begun(self, chunk: _Chunk, asked: _Asked, began: Callable[[], None]) -> None:
        if chunk.told:
            return
        both = {chunk.begun, asked.answer}
        await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
        if chunk.begun.done():
            chunk.told = True
            began()

    def _ask(self, chunk: _Chunk, step: Step) -> _Asked:
        if self._stopping.is_set() and not chunk.begun.done():
            raise Stopped
        loop = asyncio.get_running_loop()
        line = chunk.line
        if not chunk.begun.done():  # what was begun keeps its turn, to be finished soon
            line.last_turn = max(self._turn, line.last_turn) + step.frames
        ticket = Ticket(
            step,
            chunk.engine,
            line.rank,
            line.last_turn,
            since=loop.time(),
            alone=chunk.alone,
            ready=None if step.encoded is None else loop.time(),
        )
        asked = _Asked(ticket, chunk, loop.create_future())
        self._asked.append(asked)
        line.expected = False
        self._fill()
        return asked

    def _fill(self) -> None:
        """Make calls, as many as there are workers."""
        if self._again is not None:
            self._again.cancel()
            self._again = None
        if self._stopping.is_set():
            self.stop()
        loop = asyncio.get_running_loop()
        while len(self._calls) < self._workers:
            waiting = [a.ticket for a in self._asked if not (a.busy or a.answer.done())]
            expecting = any(line.expected for line in self._lines)
            chosen = choose(waiting, self._encoding, self._limits, loop.time(), expecting=expecting)
            if chosen is None:
                return
            if isinstance(chosen, Later):
                self._again = loop.call_at(chosen.at, self._fill)
                return
            self._start(chosen)

    def _start(self, call: Call) -> None:
        members = {id(ticket) for ticket in call.tickets}
        for asked in self._asked:
            if id(asked.ticket) in members:
                asked.busy = True
                if not asked.chunk.begun.done():
                    asked.chunk.begun.set_result(None)
        self._turn = max(self._turn, call.tickets[0].turn)
        if call.kind == "encode":
            self._encoding += call.tickets
        # In no recording's context: the call is for all of them.
        loop = asyncio.get_running_loop()
        task = loop.create_task(self._perform(call), context=Context())
        self._calls.add(task)
        task.add_done_callback(self._calls.discard)
        task.add_done_callback(lambda _: self._fill())

    async def _perform(self, call: Call) -> None:
        answers = {id(asked.ticket): asked for asked in self._asked}
        asked = [answers[id(ticket)] for ticket in call.tickets]
        try:
            await (self._encode(asked) if call.kind == "encode" else self._generate(asked))
        finally:
            self._encoding = [t for t in self._encoding if t not in call.tickets]

    async def _encode(self, asked: Sequence[_Asked]) -> None:
        engine = asked[0].chunk.engine
        steps = [each.ticket.step for each in asked]
        try:
            found: list[Encoded] = await in_thread(lambda: engine.encode(steps))
        except BaseException as error:  # noqa: BLE001 - it belongs to whoever asked
            for half in self._halves(asked, error):
                await self._encode(half)
            return
        for each, encoded in zip(asked, found, strict=True):
            each.ticket.step.encoded = encoded
            each.ticket.ready = asyncio.get_running_loop().time()
            each.busy = False

    async def _generate(self, asked: Sequence[_Asked]) -> None:
        engine = asked[0].chunk.engine
        steps = [each.ticket.step for each in asked]
        try:
            found = await in_thread(lambda: engine.generate(steps))
        except BaseException as error:  # noqa: BLE001 - it belongs to whoever asked
            for half in self._halves(asked, error):
                await self._generate(half)
            return
        for each, generated in zip(asked, found, strict=True):
            if not each.answer.done():
                each.answer.set_result(generated)

    def _halves(self, asked: Sequence[_Asked], error: BaseException) -> Sequence[Sequence[_Asked]]:
        """What to try again after a call failed; what failed alone is told so."""
        if len(asked) == 1 or not isinstance(error, Exception):
            for each in asked:
                if not each.answer.done():
                    each.answer.set_exception(error)
            return ()
        if "out of memory" in str(error).lower():
            self._limits = replace(self._limits, most=len(asked) // 2)
        _log.warning(
            "a call for %d windows failed, tried again in halves: %s",
            len(asked),
            error,
            extra={"batch_max": self._limits.most},
        )
        return asked[: len(asked) // 2], asked[len(asked) // 2 :]
