"""What an HTTP service needs to know who may do what: keys, rate limits, the audit log."""

import asyncio
from dataclasses import dataclass
from pathlib import Path

from shared.audit import Audit
from shared.bus import Bus
from shared.key_keeper import KeyKeeper
from shared.key_ring import KeyRing
from shared.key_set import KeySet
from shared.rate import Limiter, rate
from shared.settings import AccessSettings, SiteSettings

_PATIENCE = 1.0
"""Seconds for which a service that knows of no key waits for NATS before it lets everybody in."""


@dataclass(frozen=True)
class Access:
    """The parts of it."""

    settings: AccessSettings
    ring: KeyRing
    keeper: KeyKeeper
    limiter: Limiter
    audit: Audit

    async def prepare(self) -> None:
        """Go by what the disk knows; where that is nothing, by what NATS says, if it is there.

        `run` must run already.
        """
        await asyncio.to_thread(self.keeper.load)
        if not self.ring.keys.locked:
            await self.keeper.known(_PATIENCE)

    async def run(self) -> None:
        """Keep it up to date, for ever."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self.keeper.run())
            tasks.create_task(self.audit.run())


def access(
    service: str,
    site: SiteSettings,
    settings: AccessSettings,
    bus: Bus,
    *,
    folder: Path | None = None,
    makes_secret: bool = False,
) -> Access:
    """The access of one service; its keys are kept in the data folder (or `folder`).

    `makes_secret`: whether it makes what signs sessions, if nobody has.
    """
    ring = KeyRing(KeySet(site.api_key))
    path = (folder or site.data) / f"keys.{service}.json"
    return Access(
        settings,
        ring,
        KeyKeeper(ring, bus, path, makes_secret=makes_secret),
        Limiter(rate(settings.rate_limit)),
        Audit(bus, service),
    )
