"""Waiting for what is away, and for slow calls, until told to end."""

import asyncio
import threading

import pytest

from services.transcriber.blocking import in_thread
from services.transcriber.patience import Patience, Stopped
from shared.errors import BusUnavailable


class Away:
    """Something that is away for a number of calls."""

    def __init__(self, calls: int) -> None:
        self.left = calls

    async def __call__(self) -> str:
        self.left -= 1
        if self.left >= 0:
            raise BusUnavailable("away")
        return "back"


async def test_an_outage_is_outlasted_and_told_of_once(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    assert await Patience(asyncio.Event()).outlast(Away(3)) == "back"
    assert [r.levelname for r in caplog.records if "patience" in r.name] == ["WARNING", "INFO"]


async def test_told_to_end_it_stops_waiting() -> None:
    stopping = asyncio.Event()
    patience = Patience(stopping, allowance=0.01)
    waiting = asyncio.ensure_future(patience.outlast(Away(1_000)))
    await asyncio.sleep(0)
    stopping.set()
    with pytest.raises(Stopped):
        await waiting
    with pytest.raises(Stopped):
        patience.check()


async def test_what_is_nearly_done_may_finish() -> None:
    stopping = asyncio.Event()
    stopping.set()
    release = threading.Event()
    asyncio.get_running_loop().call_soon(release.set)
    work = in_thread(lambda: release.wait(30))
    assert await Patience(stopping, allowance=0).finish(work, allowance=30)


async def test_a_thread_that_hangs_is_left_behind() -> None:
    stopping = asyncio.Event()
    stopping.set()
    release = threading.Event()
    with pytest.raises(Stopped):
        await Patience(stopping).finish(in_thread(lambda: release.wait(30)), allowance=0.01)
    release.set()


async def test_an_error_in_a_thread_reaches_the_caller() -> None:
    with pytest.raises(ZeroDivisionError):
        await in_thread(lambda: 1 // 0)
