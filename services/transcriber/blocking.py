"""Slow calls off the event loop."""

import asyncio
import contextlib
import threading
from collections.abc import Callable
from contextvars import copy_context
from typing import TypeVar

T = TypeVar("T")


async def in_thread(work: Callable[[], T]) -> T:
    """What `work` returns, called in a thread of its own with the caller's context.

    The thread is a daemon, unlike those of `asyncio.to_thread`: a chunk that a large model is still
    busy with must not keep a process that was told to end from ending.
    """
    loop = asyncio.get_running_loop()
    future: asyncio.Future[T] = loop.create_future()
    context = copy_context()

    def run() -> None:
        try:
            result = context.run(work)
        except BaseException as error:  # noqa: BLE001 - it belongs to whoever awaits
            _post(loop, future, lambda error=error: future.set_exception(error))
        else:
            _post(loop, future, lambda: future.set_result(result))

    threading.Thread(target=run, daemon=True, name="blocking").start()
    return await future


def _post(
    loop: asyncio.AbstractEventLoop, future: asyncio.Future[T], settle: Callable[[], None]
) -> None:
    def unless_cancelled() -> None:
        if not future.done():
            settle()

    with contextlib.suppress(RuntimeError):  # the loop is gone, and with it whoever waited
        loop.call_soon_threadsafe(unless_cancelled)
