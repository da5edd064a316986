"""What a command needs that changes something on NATS: the bus, soon, and a note of who did it."""

import asyncio
import getpass
import os
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress

from shared import settings
from shared.audit import Action, Audit
from shared.bus import Bus
from shared.keys import SCOPES, Credential
from shared.nats_bus import NatsBus
from shared.nats_link import Link
from shared.stack import nats_settings
from shared.topology import AUDIT, Stream, Topology

_PATIENCE = 5.0
"""Seconds within which NATS must be reached."""


@asynccontextmanager
async def operating(name: str, *streams: Stream) -> AsyncGenerator[tuple[Bus, Audit]]:
    """The bus, with these streams there, for the command `name`. Raises BusUnavailable."""
    nats = nats_settings(settings.environment())
    link = Link(nats, name)
    bus = NatsBus(link)
    opening = asyncio.create_task(link.open())
    try:
        await link.wait_connected(_PATIENCE)
        await bus.ensure(Topology((AUDIT, *streams), (), nats.nats_replicas))
        yield bus, Audit(bus, name)
    finally:
        opening.cancel()
        await asyncio.gather(opening, return_exceptions=True)
        await bus.close()


async def note(audit: Audit, action: Action, **about: str) -> None:
    """Note what this machine's user did."""
    audit.note(action, Credential(f"operator {_login()}", frozenset(SCOPES)), **about)
    with suppress(TimeoutError):  # the line on stderr says it too
        async with asyncio.timeout(_PATIENCE):
            await audit.flush()


def _login() -> str:
    with suppress(OSError, KeyError):
        return getpass.getuser()
    return str(os.getuid())
