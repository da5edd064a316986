"""All receivers, as the bucket `echobase-webhooks` has them: looked at anew before each use.

    <id>    a Receiver    written by `echobase webhooks`, and by stream when one is gone for good

The last copy is on the disk too. A bucket that was lost, or an entry that something else has
overwritten, takes no receiver away: that would be events that nobody gets, and nobody misses.
"""

import asyncio
import logging
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType

import msgspec

from services.stream.webhooks.receiver import Receiver
from shared.bus import Bus
from shared.errors import BusUnavailable, FenceLost
from shared.key_value import Entries, KeyValue
from shared.topology import RECEIVERS
from shared.whole_file import write_whole

log = logging.getLogger(__name__)

FILE = "webhooks.json"
"""In the data folder: secrets included, for its owner alone."""
Known = Mapping[str, Receiver]


class Receivers:
    """The receivers of a process."""

    def __init__(self, bus: Bus, path: Path) -> None:
        """`path`: the file of the last copy."""
        self._bus = bus
        self._bucket = KeyValue(bus, RECEIVERS)
        self._path = path
        self._known: Known = MappingProxyType({})
        self._seen: tuple[str, int] | None = None
        """Epoch and latest revision of the bucket when it was read."""
        self._reading = asyncio.Lock()

    @property
    def known(self) -> Known:
        """Those that the last look found, by id."""
        return self._known

    async def look(self) -> Known:
        """Those that there are: whoever was added before the call is among them.

        Raises BusUnavailable.
        """
        async with self._reading:
            if self._seen is None and not self._known:
                self._known = await asyncio.to_thread(load, self._path)
            state = await self._bus.state(RECEIVERS.name)
            if self._seen != (state.epoch, state.last):
                entries, revision = await self._bucket.contents()
                if revision < state.last and await self._bus.get(RECEIVERS.name, state.last):
                    raise BusUnavailable("a copy of the receivers lags behind")
                await self._take(taken(self._known, entries, bool(state.last)))
                self._seen = state.epoch, state.last
            return self._known

    async def switch_off(self, receiver: Receiver, why: str) -> None:
        """Post nothing to it any more, on every replica. Raises BusUnavailable."""
        found = await self._bucket.get(receiver.id)
        if found is None or read(receiver.id, found.data) != receiver:
            return  # it was removed or changed meanwhile
        ended = msgspec.structs.replace(receiver, ended=datetime.now(UTC), why=why)
        with suppress(FenceLost):
            await self._bucket.put(receiver.id, msgspec.json.encode(ended), found.revision)
        await self.look()

    async def _take(self, known: Known) -> None:
        if known == self._known:
            return
        self._known = MappingProxyType(dict(known))
        content = msgspec.json.encode(list(known.values()))
        try:
            await asyncio.to_thread(write_whole, self._path, content)
        except OSError as error:
            log.error("%s: %s; the receivers are known from NATS alone", self._path, error.strerror)


def taken(known: Known, entries: Entries, ever: bool) -> Known:
    """The receivers that a bucket's content makes of those that were known.

    `ever`: whether the bucket has held anything since it was made.
    """
    if not ever and known:
        log.error("the bucket of webhooks was lost: those that are known stay in force")
        return known
    found: dict[str, Receiver] = {}
    for id, value in entries.items():
        receiver = read(id, value.data)
        if receiver is None:
            log.error("the webhook %s cannot be read: what was known of it stays in force", id)
            receiver = known.get(id)
        if receiver is not None:
            found[id] = receiver
    return found


def read(id: str, data: bytes) -> Receiver | None:
    """The receiver that an entry of the bucket holds; None if it holds none of this id."""
    try:
        found = msgspec.json.decode(data, type=Receiver)
    except msgspec.DecodeError:
        return None
    return found if found.id == id else None


def load(path: Path) -> Known:
    """The last copy; nothing if there is none that can be read. Blocks."""
    try:
        found = msgspec.json.decode(path.read_bytes(), type=list[Receiver])
    except FileNotFoundError:
        return {}
    except (OSError, msgspec.DecodeError) as error:
        log.error("%s cannot be read (%s)", path, error)
        return {}
    return {receiver.id: receiver for receiver in found}
