"""Waiting for another library's work without losing a cancellation.

Until Python 3.12, `asyncio.wait_for` swallows a cancellation that comes together with the result: a
service that cancels its tasks to end would wait for one of them for ever. nats-py waits by it.
"""

import asyncio
from collections.abc import Coroutine
from typing import TypeVar

T = TypeVar("T")


async def alone(work: Coroutine[object, object, T]) -> T:
    """The result of work that runs as a task of its own; a cancellation is always raised here."""
    task = asyncio.get_running_loop().create_task(work)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        task.add_done_callback(_look_at)
        task.cancel()
        raise


def _look_at(task: asyncio.Task[T]) -> None:
    # Nobody waits for it any more: asyncio would warn of an error that nobody has seen.
    if not task.cancelled():
        task.exception()
