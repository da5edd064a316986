"""A cancellation is never lost in another library's waiting."""

import asyncio

import pytest

from shared.alone import alone


async def test_the_result_comes_through() -> None:
    async def seven() -> int:
        await asyncio.sleep(0)
        return 7

    assert await alone(seven()) == 7


async def test_so_does_an_error() -> None:
    async def fails() -> None:
        raise LookupError("no")

    with pytest.raises(LookupError, match="no"):
        await alone(fails())


async def test_work_that_swallows_a_cancellation_does_not_keep_it() -> None:
    """As `wait_for` does when the answer comes in the same moment."""
    swallowed = asyncio.Event()

    async def swallows() -> int:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            swallowed.set()
        return 7

    waiting = asyncio.create_task(alone(swallows()))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    async with asyncio.timeout(5):
        await swallowed.wait()
