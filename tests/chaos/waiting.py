"""Waiting for something to hold, with a deadline."""

import asyncio
import time
from collections.abc import Awaitable, Callable

_POLL = 0.05


class NeverHeld(Exception):
    """What was waited for did not come."""


async def until(holds: Callable[[], Awaitable[bool]], what: str, patience: float = 60.0) -> None:
    """Poll until something holds. Raises NeverHeld after `patience` seconds."""
    deadline = time.monotonic() + patience
    while not await holds():
        if time.monotonic() > deadline:
            raise NeverHeld(f"{what}: not within {patience:g} s")
        await asyncio.sleep(_POLL)


async def within(holds: Callable[[], bool], patience: float) -> bool:
    """Poll for so many seconds; whether it came to hold."""
    deadline = time.monotonic() + patience
    while not holds():
        if time.monotonic() > deadline:
            return False
        await asyncio.sleep(_POLL)
    return True
