"""A process's copy of what the site says of its channels: from the bucket, and on the disk.

A change counts as soon as NATS tells of it. The copy in the file is for a start while NATS is away.

A bucket that is made anew holds nothing, and whoever `puts_back` fills it from its copy. Which one
it is filling stands in the file before the first channel is put, so that who is killed in between
goes on, and does not take the half for the whole.
"""

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import msgspec
from msgspec import Struct

from shared.bus import Bus, StreamState
from shared.channels import ChannelRecord, decode_channel, key
from shared.errors import BadMessage, BusUnavailable
from shared.keeping import Rules
from shared.key_value import Entries, KeyValue, Value
from shared.topology import CHANNELS
from shared.whole_file import write_whole

log = logging.getLogger(__name__)

_TOGETHER = 0.1
"""Seconds for which changes are gathered before the file is written: an import brings thousands."""
_PAUSE = 1.0
"""Seconds before NATS is asked again while it is away."""
_PATIENCE = 5.0
"""Seconds within which NATS tells of what it has stored, and it is on the disk."""


class _Kept(Struct):
    """What the file holds."""

    channels: list[ChannelRecord]
    filling: str = ""
    """Epoch of the bucket that is being filled from them; empty if none is."""


Holds = Callable[[int], bool]
"""Whether a revision of a channel will do; 0 if the bucket has nothing there."""


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
        self._on_disk: Entries = {}
        """What of it the file holds."""
        self._filling = ""
        self._read = asyncio.Event()
        self._changed = asyncio.Event()
        self._written = asyncio.Event()
        self._loading = asyncio.Lock()
        self._saving = asyncio.Lock()
        self._kept: _Kept | None = None
        self._has_looked = False

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
        if self._kept is None and not self._read.is_set():
            raise BusUnavailable("what is said of channels is not known yet")
        own = {(each.source, each.channel): each.rule for each in self._records.values()}
        return replace(settings, own=own)

    async def until_read(self, patience: float) -> bool:
        """Wait until the bucket has been read, so many seconds at most; whether it has."""
        with suppress(TimeoutError):
            async with asyncio.timeout(patience):
                await self._read.wait()
        return self._read.is_set()

    async def until_kept(self, name: str, holds: Holds, patience: float = _PATIENCE) -> None:
        """Wait until a revision that will do counts here, and is on the disk.

        `name`: the channel's place in the bucket. Raises BusUnavailable after so many seconds.
        """
        try:
            async with asyncio.timeout(patience):
                while not holds(self._on_disk[name].revision if name in self._on_disk else 0):
                    await self._written.wait()
        except TimeoutError:
            raise BusUnavailable("what is said of the channel does not count yet") from None

    async def load(self) -> bool:
        """Go by what the disk holds, until the bucket has been read; whether it holds anything."""
        async with self._loading:
            if not self._has_looked:
                self._kept = await asyncio.to_thread(self._load)
                self._has_looked = True
                if self._kept is not None:
                    self._records = {record.key: record for record in self._kept.channels}
                    self._filling = self._kept.filling
        return self._kept is not None

    async def run(self) -> None:
        """Follow the bucket for ever; a bus that is away is waited for."""
        # First: what the bucket lost is only on the disk.
        await self.load()
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._follow())
            tasks.create_task(self._write())

    async def _follow(self) -> None:
        async for entries in self._bucket.watch():
            epoch = await self._lost(entries)
            if epoch:
                await self._keep(epoch)
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

    async def _lost(self, entries: Entries) -> str:
        """The epoch of the bucket if it lacks what is known; empty if it is to be gone by.

        It never held anything, so that nobody emptied it; or it is not filled again yet.
        """
        if not self._filling and (entries or not self._records):
            return ""
        state = await self._state()
        return state.epoch if state.epoch == self._filling or not state.last else ""

    async def _keep(self, epoch: str) -> None:
        """What is known stays in force; whoever may puts it into the bucket again."""
        log.error("the bucket of channels is new: the %d that are known count", len(self._records))
        if not self._puts_back:
            return
        while True:
            self._filling = epoch
            await self._store()
            for record in self.all():
                await self._put_back(record)
            epoch = (await self._state()).epoch
            if epoch == self._filling:
                break
        self._filling = ""
        self._changed.set()

    async def _put_back(self, record: ChannelRecord) -> None:
        while True:
            try:
                # Not what somebody has said, or taken back, since.
                await self._bucket.add(record.key, msgspec.json.encode(record))
                return
            except BusUnavailable as error:
                log.debug("a channel is not put back yet: %s", error)
                await asyncio.sleep(_PAUSE)

    async def _state(self) -> StreamState:
        while True:
            with suppress(BusUnavailable):
                return await self._bus.state(CHANNELS.name)
            await asyncio.sleep(_PAUSE)

    async def _write(self) -> None:
        """Bring each change to the disk."""
        try:
            while True:
                await self._changed.wait()
                await asyncio.sleep(_TOGETHER)
                self._changed.clear()
                seen = self._seen
                await self._store()
                self._on_disk = seen
                self._written.set()
                self._written = asyncio.Event()
        finally:
            if self._changed.is_set():
                self._save(self._encoded())

    async def _store(self) -> None:
        async with self._saving:
            await asyncio.to_thread(self._save, self._encoded())

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
        return msgspec.json.encode(_Kept(self.all(), self._filling))

    def _save(self, content: bytes) -> None:
        try:
            write_whole(self._path, content)
        except OSError as error:
            log.error("%s: %s; a start without NATS would go by older ones", self._path, error)
