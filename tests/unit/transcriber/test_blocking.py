"""Slow calls run off the event loop, and one after another in the same thread."""

import asyncio
import threading
from contextvars import ContextVar

import pytest

from services.transcriber.blocking import in_thread

PATIENCE = 10.0
"""Seconds."""

_colour: ContextVar[str] = ContextVar("_colour", default="none")


async def test_one_call_after_another_has_the_same_thread() -> None:
    threads = {await in_thread(threading.get_ident) for _ in range(20)}
    assert len(threads) == 1
    assert threading.get_ident() not in threads


async def test_calls_at_the_same_time_have_threads_of_their_own() -> None:
    together = threading.Barrier(3)

    def meet() -> int:
        together.wait(PATIENCE)
        return threading.get_ident()

    assert len(set(await asyncio.gather(*(in_thread(meet) for _ in range(3))))) == 3


async def test_an_error_reaches_the_caller_and_the_thread_goes_on() -> None:
    def fail() -> None:
        raise ValueError("no")

    before = await in_thread(threading.get_ident)
    with pytest.raises(ValueError, match="no"):
        await in_thread(fail)
    assert await in_thread(threading.get_ident) == before


async def test_a_thread_that_is_stuck_is_not_waited_for() -> None:
    begun, release = threading.Event(), threading.Event()

    def hang() -> None:
        begun.set()
        release.wait(PATIENCE)

    hanging = asyncio.ensure_future(in_thread(hang))
    assert await asyncio.to_thread(begun.wait, PATIENCE)
    assert await in_thread(lambda: "other") == "other"
    hanging.cancel()
    release.set()
    with pytest.raises(asyncio.CancelledError):
        await hanging


async def test_the_callers_context_is_there() -> None:
    _colour.set("red")
    assert await in_thread(_colour.get) == "red"


async def test_the_threads_end_with_the_process() -> None:
    assert await in_thread(lambda: threading.current_thread().daemon)
