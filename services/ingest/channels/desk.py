"""The bucket of channels, as those use it who change it."""

from collections.abc import Awaitable, Callable, Mapping
from typing import NamedTuple

import msgspec

from shared.bus import Bus
from shared.channel_book import Holds
from shared.channels import ChannelRecord, decode_channel, key
from shared.errors import BadMessage, EchoBaseError, FenceLost
from shared.key_value import KeyValue, Value
from shared.topology import CHANNELS


class Changed(EchoBaseError):
    """Somebody changed the channel meanwhile."""

    code = "changed"


class Stored(NamedTuple):
    """A channel as the bucket has it."""

    record: ChannelRecord | None
    """None if nothing is said of it, or nothing that can be read."""
    revision: int
    """0 if the bucket has nothing there."""


NOTHING = Stored(None, 0)


async def _at_once(_name: str, _holds: Holds) -> None:
    """For who keeps no copy."""


class ChannelDesk:
    """Every method may raise BusUnavailable."""

    def __init__(
        self,
        bus: Callable[[], Awaitable[Bus]],
        until_kept: Callable[[str, Holds], Awaitable[None]] = _at_once,
    ) -> None:
        """`bus` gives it, its streams made. `until_kept`: `ChannelBook.until_kept` of the process's
        own copy, which is to have what was changed before whoever changed it is told so."""
        self._bus = bus
        self._until_kept = until_kept

    async def get(self, source: str, channel: str) -> Stored:
        """What is said of a channel, by its real names."""
        name = key(source, channel)
        found = await (await self._bucket()).get(name)
        return NOTHING if found is None else _read(name, found)

    async def all(self) -> Mapping[str, Stored]:
        """What is said of every channel, by its place in the bucket."""
        entries, _ = await (await self._bucket()).contents()
        return {name: _read(name, value) for name, value in entries.items()}

    async def put(self, record: ChannelRecord, expected: int | None = None) -> Stored:
        """Say this of a channel; what is said already is not said again.

        With `expected` only if the revision is still that (0: if nothing is there). Raises Changed.
        """
        found = await self.get(record.source, record.channel)
        if expected is not None and expected != found.revision:
            raise Changed(f"The channel is at revision {found.revision}, not {expected}.")
        if found.record == record:
            await self._until_kept(record.key, lambda there: there >= found.revision)
            return found
        bucket = await self._bucket()
        try:
            revision = await bucket.put(record.key, msgspec.json.encode(record), expected)
        except FenceLost:
            raise Changed("Somebody changed the channel at this moment.") from None
        await self._until_kept(record.key, lambda there: there >= revision)
        return Stored(record, revision)

    async def remove(self, source: str, channel: str, expected: int | None = None) -> bool:
        """Say nothing of a channel any more; whether anything was said. Raises Changed."""
        found = await self.get(source, channel)
        if not found.revision:
            return False
        if expected is not None and expected != found.revision:
            raise Changed(f"The channel is at revision {found.revision}, not {expected}.")
        try:
            await (await self._bucket()).delete(key(source, channel), found.revision)
        except FenceLost:
            raise Changed("Somebody changed the channel at this moment.") from None
        await self._until_kept(key(source, channel), lambda there: there != found.revision)
        return True

    async def _bucket(self) -> KeyValue:
        return KeyValue(await self._bus(), CHANNELS)


def _read(name: str, value: Value) -> Stored:
    try:
        return Stored(decode_channel(name, value.data), value.revision)
    except BadMessage:
        return Stored(None, value.revision)
