"""The bucket of receivers, as the commands use it."""

import re
from collections.abc import Callable

import msgspec

from services.stream.webhooks.receiver import Receiver
from services.stream.webhooks.receivers import read
from shared import subjects
from shared.audit import Audit
from shared.bus import Bus
from shared.errors import BadInput, EchoBaseError, Full
from shared.key_value import KeyValue
from shared.operator import note
from shared.topology import RECEIVERS, WEBHOOKS

MOST = 50
"""Receivers of a site."""
_ID = re.compile(r"[0-9a-f]{8}\Z")


class NoSuchWebhook(EchoBaseError):
    """There is no receiver of this id."""

    code = "no-such-webhook"


class Desk:
    """Adds, changes and removes receivers. Every method may raise BusUnavailable."""

    def __init__(self, bus: Bus, audit: Audit) -> None:
        self._bus = bus
        self._bucket = KeyValue(bus, RECEIVERS)
        self._audit = audit

    async def all(self) -> list[Receiver]:
        """Every receiver that can be read."""
        entries, _ = await self._bucket.contents()
        found = [read(id, value.data) for id, value in entries.items()]
        return [each for each in found if each is not None]

    async def waiting(self) -> list[tuple[Receiver, int]]:
        """Every receiver, and how many events wait for it."""
        return [(each, await self._waiting(each.id)) for each in await self.all()]

    async def get(self, id: str) -> Receiver:
        """One of them. Raises NoSuchWebhook."""
        return (await self._get(id))[0]

    async def add(self, receiver: Receiver) -> None:
        """Store a new receiver. Raises Full."""
        if len(await self.all()) >= MOST:
            raise Full(f"a site has at most {MOST} webhooks")
        await self._bucket.put(receiver.id, msgspec.json.encode(receiver), expected=0)
        await note(self._audit, "webhook-added", id=receiver.id, name=receiver.name)

    async def change(self, id: str, change: Callable[[Receiver], Receiver]) -> Receiver:
        """Store a receiver as changed. Raises NoSuchWebhook, FenceLost."""
        found, revision = await self._get(id)
        changed = change(found)
        await self._bucket.put(id, msgspec.json.encode(changed), revision)
        await note(self._audit, "webhook-changed", id=id, name=changed.name)
        return changed

    async def remove(self, id: str) -> int:
        """Remove a receiver; returns how many events that waited for it were dropped.

        Raises NoSuchWebhook, FenceLost.
        """
        _, revision = await self._get(id)
        await self._bucket.delete(id, revision)
        dropped = 0
        for sequence in await self._queued(id):
            dropped += await self._bus.delete(WEBHOOKS.name, sequence)
        await note(self._audit, "webhook-removed", id=id)
        return dropped

    async def _get(self, id: str) -> tuple[Receiver, int]:
        if not _ID.match(id):
            raise BadInput(f"not a webhook's id: {id[:80]!r}", field="ID")
        found = await self._bucket.get(id)
        receiver = None if found is None else read(id, found.data)
        if found is None or receiver is None:
            raise NoSuchWebhook(f"There is no webhook {id}; `echobase webhooks list` shows all.")
        return receiver, found.revision

    async def _waiting(self, id: str) -> int:
        return len(await self._queued(id))

    async def _queued(self, id: str) -> list[int]:
        filters = [subjects.webhook(id)]
        return [m.sequence async for batch in self._bus.read(WEBHOOKS.name, filters) for m in batch]
