"""Waiting for a run's end: until all is transcribed, emptied and seen, or will never be."""

import asyncio
import time
from collections.abc import Callable, Sequence

from shared.errors import BusUnavailable
from tests.chaos.check_remains import too_much
from tests.chaos.check_webhooks import missing
from tests.chaos.evidence import EventLog, leftovers, waiting_entries
from tests.chaos.history import Client, Leftovers
from tests.chaos.mailbox import Mailbox
from tests.chaos.producer import Producer
from tests.chaos.stack import Stack
from tests.chaos.waiting import within

_QUIET = 8.0
"""Seconds without an event, with nothing waiting, after which nothing more will come."""
_SETTLE = 240.0
_CATCH_UP = 40.0
_POLL = 0.5


async def settled(stack: Stack, producer: Producer, log: EventLog) -> None:
    """Return once every version has ended, or nothing moves any more."""
    deadline = time.monotonic() + _SETTLE
    moved = time.monotonic()
    while time.monotonic() < deadline:
        before = len(log.events)
        await log.update()
        now = time.monotonic()
        if len(log.events) > before:
            moved = now
        left = await leftovers(stack.monitor_port, stack.spool, stack.folder)
        idle = not any(left.messages.values()) and not waiting_entries(stack.spool)
        done = len(log.ended()) >= len(producer.accepted) and not left.folder
        if idle and (done or now - moved > _QUIET):
            return
        await asyncio.sleep(_POLL)


async def emptied(stack: Stack, receiver: str, patience: float) -> Leftovers:
    """What is left once nothing is too much, or after `patience` seconds."""
    deadline = time.monotonic() + patience
    while True:
        found = await leftovers(stack.monitor_port, stack.spool, stack.folder)
        if not any(too_much(found, receiver)) or time.monotonic() > deadline:
            return found
        await asyncio.sleep(_POLL)


async def caught_up(clients: Sequence[Client], log: EventLog) -> None:
    """Return once each client has seen as many events as it should, or will not."""
    wanted = [sum(client.filter.wants(e) for e in log.events) for client in clients]

    def all_seen() -> bool:
        return all(len(c.seen) >= count for c, count in zip(clients, wanted, strict=True))

    await within(all_seen, _CATCH_UP)


async def posted(mailbox: Mailbox, log: EventLog) -> None:
    """Return once everything that should be was posted, or will not be."""
    await within(lambda: not missing(log.events, mailbox.posts), _CATCH_UP)


async def progress(
    producer: Producer, log: EventLog, clients: Sequence[Client], tell: Callable[[str], None]
) -> None:
    """Say every few seconds how far it is, until cancelled."""
    began = time.monotonic()
    while True:
        await asyncio.sleep(5.0)
        try:
            await log.update()
        except BusUnavailable:
            state = "NATS away"
        else:
            state = f"{len(log.ended())} ended"
        tell(
            f"{time.monotonic() - began:7.1f} s  {len(producer.accepted)} accepted, {state},"
            f" {sum(len(client.seen) for client in clients)} events seen"
        )
