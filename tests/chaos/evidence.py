"""Gathers what streams, store, servers and spool hold."""

import asyncio
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

import httpx
import msgspec
from msgspec import Struct

from services.ingest.watch.folder import TAKEN
from services.ingest.watch.watcher import FOLDER as LEDGER
from shared import object_keys
from shared.bus import Bus, StoredMessage
from shared.channels import ChannelRecord, decode_channel
from shared.envelope import DEAD_CODE
from shared.errors import BadMessage
from shared.key_value import KeyValue
from shared.messages import (
    Completed,
    Event,
    Failed,
    Job,
    Recording,
    Refused,
    Transcript,
    VersionRequest,
    decode,
    decode_event,
)
from shared.object_store import ObjectStore
from shared.topology import CHANNELS, DEAD, EVENTS, JOBS, SUBMIT, WEBHOOKS
from tests.chaos.history import DeadLetter, Leftovers, StoredEvent, StoredVersion, VersionId

_AT_ONCE = 8
QUEUES = (SUBMIT.name, JOBS.name, WEBHOOKS.name)


class _Named(Struct):
    name: str = ""


class _State(Struct):
    messages: int


class _Stream(Struct):
    name: str
    state: _State
    consumer_detail: list[_Named] = []


class _Account(Struct):
    stream_detail: list[_Stream] = []


class _JetStream(Struct):
    account_details: list[_Account] = []


class _Connections(Struct):
    connections: list[_Named] = []


class EventLog:
    """The events of a run, read as they come."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus
        self._turn = asyncio.Lock()
        self.events: list[StoredEvent] = []

    async def update(self) -> None:
        """Read what was added. Raises BusUnavailable."""
        async with self._turn:
            start = self.events[-1].sequence + 1 if self.events else 1
            async for batch in self._bus.read(EVENTS.name, ["echobase.events.>"], start):
                self.events += [StoredEvent(m.sequence, _event(m)) for m in batch]

    def ended(self) -> set[VersionId]:
        """Versions that are completed or have failed."""
        return {e.id for e in self.events if isinstance(e.event, Completed | Failed)}


async def dead_letters(bus: Bus) -> list[DeadLetter]:
    """What DEAD holds."""
    return [
        DeadLetter(
            message.headers[DEAD_CODE],
            _recording(message.data),
            message.subject.rpartition(".")[2],
        )
        async for batch in bus.read(DEAD.name, ["echobase.dead.>"])
        for message in batch
    ]


async def stored_versions(
    store: ObjectStore, keys: Sequence[str]
) -> Mapping[VersionId, StoredVersion]:
    """Every version that the store knows of."""
    room = asyncio.Semaphore(_AT_ONCE)

    async def read(id: VersionId) -> StoredVersion:
        async with room:
            request = decode(await store.get(object_keys.request(*id)), VersionRequest)
            key = object_keys.transcript(*id)
            transcript = decode(await store.get(key), Transcript) if key in known else None
            return StoredVersion(request.options.words, transcript)

    known = frozenset(keys)
    ids = [
        VersionId(key.split("/")[1], number)
        for key in keys
        if (number := object_keys.version_of(key)) and key.endswith("/request.json")
    ]
    return dict(zip(ids, await asyncio.gather(*(read(id) for id in ids)), strict=True))


async def stored_recordings(store: ObjectStore, keys: Sequence[str]) -> Mapping[str, Recording]:
    """What the store holds of each recording."""
    room = asyncio.Semaphore(_AT_ONCE)

    async def read(key: str) -> Recording:
        async with room:
            return decode(await store.get(key), Recording)

    found = [key for key in keys if key.endswith("/recording.json")]
    return {each.id: each for each in await asyncio.gather(*map(read, found))}


async def said_at_last(bus: Bus) -> list[ChannelRecord]:
    """What the bucket of channels holds."""
    entries, _ = await KeyValue(bus, CHANNELS).contents()
    return [decode_channel(name, value.data) for name, value in entries.items()]


async def leftovers(monitor_port: int, spool: Path, folder: Path) -> Leftovers:
    """What the servers and the spool hold now. Raises httpx.TransportError."""
    async with httpx.AsyncClient(
        base_url=f"http://127.0.0.1:{monitor_port}", trust_env=False
    ) as http:
        jsz = await http.get("/jsz?accounts=true&streams=true&consumers=true")
        connz = await http.get("/connz")
    streams = [
        stream
        for account in msgspec.json.decode(jsz.content, type=_JetStream).account_details
        for stream in account.stream_detail
    ]
    return Leftovers(
        spool=spool_files(spool),
        folder=folder_files(folder),
        messages={s.name: s.state.messages for s in streams if s.name in QUEUES},
        consumers={s.name: [c.name for c in s.consumer_detail] for s in streams},
        connections=[
            c.name for c in msgspec.json.decode(connz.content, type=_Connections).connections
        ],
    )


def spool_files(spool: Path) -> list[str]:
    """Every file of the spool, but for its lock, and the list of what came from the folder."""
    # os.walk lets a folder go that ingest removes meanwhile.
    return sorted(
        str((Path(folder) / name).relative_to(spool))
        for folder, _, names in os.walk(spool)
        for name in names
        if name != "lock" and Path(folder) != spool / LEDGER
    )


def folder_files(folder: Path) -> list[str]:
    """Every file of the watched folder that was not taken."""
    return sorted(
        str(path.relative_to(folder))
        for path in folder.rglob("*")
        if path.is_file() and path.relative_to(folder).parts[0] != TAKEN
    )


def waiting_entries(spool: Path) -> int:
    """Entries of the spool that are not forwarded yet."""
    entries = spool / "entries"
    if not entries.is_dir():
        return 0
    return sum(not (entry / "forwarded.json").exists() for entry in entries.iterdir())


def _event(message: StoredMessage) -> Event | Refused:
    if message.subject.endswith(".refused"):
        return decode(message.data, Refused)
    return decode_event(message.data)


def _recording(data: bytes) -> str | None:
    try:
        return decode(data, Job).recording
    except BadMessage:
        return None
