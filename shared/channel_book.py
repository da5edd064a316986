"""A process's copy of what the site says of its channels: from the bucket, and on the disk.

A change counts as soon as NATS tells of it. The copy in the file is for a start while NATS is away.
"""

import asyncio
import logging
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import msgspec
from msgspec import Struct

from shared.bus import Bus
from shared.channels import ChannelRecord, decode_channel, key
from shared.errors import BadMessage, BusUnavailable, FenceLost
from shared.keeping import Rules
from shared.key_value import Entries, KeyValue, Value
from shared.topology import CHANNELS
from shared.whole_file import write_whole

log = logging.getLogger(__name__)

_TOGETHER = 0.1
"""Seconds for which changes are gathered before the file is written: an import brings thousands."""
_PAUSE = 1.0
"""Seconds before NATS is asked again while it is away."""


class _Kept(Struct):
    """What the file holds."""

    channels: list[ChannelRecord]


class ChannelBook:
    """What is known of channels; up to date for as long as `run` runs."""

    def __init__(self, bus: Bus, path: Path, *, puts_back: bool = False) -> None:
        """`path`: the file. `puts_back`: whether to fill a bucket that was lost from what is known.

        The bucket may be made later, by whoever makes streams.
        """
        self._bus = bus
        self._bucket = KeyValue(bus, CHANNELS)
        self._path = path
        self._puts_back = puts_back
        self._records: dict[str, ChannelRecord] = {}
        """By their keys in the bucket."""
        self._seen: dict[str, Value] = {}
        """What the bucket held when it was looked at last."""
        self._read = asyncio.Event()
        self._changed = asyncio.Event()
        self._loaded = False

    def find(self, source: str, channel: str) -> ChannelRecord | None:
        """What is known of a channel, by its real names; None for nothing."""
        return self._records.get(key(source, channel))

    def all(self) -> list[ChannelRecord]:
        """Every channel of which something is known."""
        return list(self._records.values())

    def rules(self, settings: Rules) -> Rules:
        """What is kept for how long: as the settings say, unless channels say otherwise.

        Raises BusUnavailable while nobody knows what they say: one may be kept for longer.
        """
        if not self._loaded and not self._read.is_set():
            raise BusUnavailable("what is said of channels is not known yet")
        own = {(each.source, each.channel): each.rule for each in self._records.values()}
        return replace(settings, own=own)

    async def until_read(self, patience: float) -> bool:
        """Wait until the bucket has been read, so many seconds at most; whether it has."""
        with suppress(TimeoutError):
            async with asyncio.timeout(patience):
                await self._read.wait()
        return self._read.is_set()

    async def load(self) -> bool:
        """Go by what the disk holds, until the bucket has been read; whether it holds anything."""
        kept = await asyncio.to_thread(self._load)
        if kept is not None and not self._read.is_set():
            self._records = {record.key: record for record in kept.channels}
            self._loaded = True
        return kept is not None

    async def run(self) -> None:
        """Follow the bucket for ever; a bus that is away is waited for."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._follow())
            tasks.create_task(self._write())

    async def _follow(self) -> None:
        async for entries in self._bucket.watch():
            if not entries and self._records and await self._is_new():
                await self._keep()
            else:
                self._take(entries)
            self._read.set()

    def _take(self, entries: Entries) -> None:
        """Go by what the bucket holds. What cannot be read changes nothing."""
        for name in self._records.keys() - entries.keys():
            del self._records[name]
        for name, value in entries.items():
            if self._seen.get(name) == value:
                continue
            try:
                self._records[name] = decode_channel(name, value.data)
            except BadMessage as error:
                log.error("what is said of the channel %s does not count: %s", name, error)
        self._seen = dict(entries)
        self._changed.set()

    async def _is_new(self) -> bool:
        """Whether the bucket never held anything: it was lost, and nobody emptied it."""
        while True:
            with suppress(BusUnavailable):
                return (await self._bus.state(CHANNELS.name)).last == 0
            await asyncio.sleep(_PAUSE)

    async def _keep(self) -> None:
        """What is known stays in force; whoever may puts it into the bucket again."""
        log.error("the bucket of channels is new: the %d that are known count", len(self._records))
        if not self._puts_back:
            return
        for record in self.all():
            try:
                await self._bucket.put(record.key, msgspec.json.encode(record), expected=0)
            except FenceLost:
                continue  # somebody else was quicker
            except BusUnavailable as error:
                log.error("not every channel could be put back: %s", error)
                return

    async def _write(self) -> None:
        """Bring each change to the disk."""
        try:
            while True:
                await self._changed.wait()
                await asyncio.sleep(_TOGETHER)
                self._changed.clear()
                await asyncio.to_thread(self._save, self._encoded())
        finally:
            if self._changed.is_set():
                self._save(self._encoded())

    def _load(self) -> _Kept | None:
        """What the disk holds; None if nothing."""
        try:
            return msgspec.json.decode(self._path.read_bytes(), type=_Kept)
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as error:
            log.error("%s cannot be read (%s): NATS is asked", self._path, error)
            return None

    def _encoded(self) -> bytes:
        return msgspec.json.encode(_Kept(self.all()))

    def _save(self, content: bytes) -> None:
        try:
            write_whole(self._path, content)
        except OSError as error:
            log.error("%s: %s; a start without NATS would go by older ones", self._path, error)
