"""Slow calls off the event loop."""

import asyncio
import contextlib
import threading
from collections.abc import Callable
from contextvars import copy_context
from queue import SimpleQueue
from typing import TypeVar

T = TypeVar("T")
_Settle = Callable[[], None]


class _Worker:
    """A daemon thread that does one piece of work after another."""

    def __init__(self) -> None:
        self._work: SimpleQueue[Callable[[], _Settle]] = SimpleQueue()
        threading.Thread(target=self._run, daemon=True, name="blocking").start()

    def give(self, work: Callable[[], _Settle]) -> None:
        """Have it done; what it returns is called when the thread is there for the next."""
        self._work.put(work)

    def _run(self) -> None:
        while True:
            self._do_one()  # a call of its own, so that nothing of it is kept while idle

    def _do_one(self) -> None:
        settle = self._work.get()()
        _idle.append(self)
        settle()


_idle: list[_Worker] = []
"""The one that worked last is at the end."""


async def in_thread(work: Callable[[], T]) -> T:
    """What `work` returns, called in a daemon thread with the caller's context.

    A daemon, unlike those of `asyncio.to_thread`: a chunk that a large model is still busy with
    must not keep a process that was told to end from ending. And the same thread as before if it
    is idle: OpenMP gives each thread that calls it a team of its own, which spins on for a while;
    with a new thread for every chunk the teams fought for the cores, at four times the CPU time.
    """
    loop = asyncio.get_running_loop()
    future: asyncio.Future[T] = loop.create_future()
    context = copy_context()

    def run() -> _Settle:
        try:
            result = context.run(work)
        except BaseException as error:  # noqa: BLE001 - it belongs to whoever awaits
            failure = error
            return lambda: _post(loop, future, lambda: future.set_exception(failure))
        return lambda: _post(loop, future, lambda: future.set_result(result))

    _take().give(run)
    return await future


def in_background(work: Callable[[], None]) -> None:
    """Have `work`, which must not raise, done in a daemon thread that nobody waits for."""

    def run() -> _Settle:
        work()
        return _nothing

    _take().give(run)


def _nothing() -> None:
    pass


def _take() -> _Worker:
    try:
        return _idle.pop()
    except IndexError:
        return _Worker()


def _post(
    loop: asyncio.AbstractEventLoop, future: asyncio.Future[T], settle: Callable[[], None]
) -> None:
    def unless_cancelled() -> None:
        if not future.done():
            settle()

    with contextlib.suppress(RuntimeError):  # the loop is gone, and with it whoever waited
        loop.call_soon_threadsafe(unless_cancelled)
