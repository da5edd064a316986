"""A watched folder: one life of what watches it, and files as the recorders write them."""

import asyncio
import json
import struct
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, tzinfo
from pathlib import Path

from services.ingest.entry import Held
from services.ingest.forwarder import Forwarder
from services.ingest.measures import Measures
from services.ingest.reception import Reception
from services.ingest.spool import Spool
from services.ingest.upstream import Upstream
from services.ingest.watch.folder import WatchedFolder
from services.ingest.watch.ledger import Ledger
from services.ingest.watch.taker import Taker
from services.ingest.watch.watcher import FOLDER, Watcher
from shared.memory_bus import MemoryBus
from shared.memory_store import MemoryStore
from shared.messages import Recording
from shared.settings_watch import WatchSettings
from shared.topology import topology
from tests.support.forwarding import soon
from tests.support.ingest import MIB, open_spool
from tests.support.ingest import until as until_within

QUICK = WatchSettings(watch_settle=0.1, watch_rescan=0.1)
"""Settings of a test."""
COMMENT = (
    "Date:2026-03-01 12:00:05.250;System:MN ARMER;Site:McLeod;Name:TRAFFIC;Decoder:P25 Phase 1;"
    "Channel:1-234;Frequency:851012500;"
)
LIST = {
    "IART": "557978 Engine 7",
    "IPRD": "TRAFFIC",
    "ISBJ": "MN ARMER",
    "INAM": '33203"FD Disp","All fire"',
    "ICMT": COMMENT,
    "ICRD": "2026-03-01 12:00:05.250",
    "IGNR": "Scanner Audio",
    "ISFT": "sdrtrunk v0.6.1",
}
"""SDRTrunk's tags of a wav."""
ID3 = {
    "TPE1": LIST["IART"],
    "TALB": LIST["IPRD"],
    "TIT1": LIST["ISBJ"],
    "TIT2": LIST["INAM"],
    "COMM": LIST["ICMT"],
    "TDRC": LIST["ICRD"],
    "TCON": LIST["IGNR"],
    "TCOM": LIST["ISFT"],
}
"""The same as it has them in an mp3, and at a wav's end."""
META: Mapping[str, object] = {
    "freq": 851012500.0,
    "start_time": 1772366405,
    "stop_time": 1772366407,
    "start_time_ms": 1772366405250,
    "stop_time_ms": 1772366407250,
    "emergency": 0,
    "priority": 2,
    "encrypted": 0,
    "call_length": 2,
    "talkgroup": 54241,
    "talkgroup_tag": "FD Disp",
    "talkgroup_description": "Fire Dispatch",
    "talkgroup_group_tag": "Fire Dispatch",
    "talkgroup_group": "Fire",
    "audio_type": "digital",
    "short_name": "county",
    "freqList": [{"freq": 851012500, "time": 1772366405, "pos": 0.0, "len": 2.0}],
    "srcList": [
        {"src": 1701, "time": 1772366405, "pos": 0.0, "emergency": 0, "tag": "Engine 7"},
    ],
}
"""trunk-recorder's JSON of a call."""
STEM = "54241-1772366405.250_851012500.0-call_12"
"""A name that it gives."""


async def until(condition: Callable[[], object]) -> None:
    """Poll until a function returns something true: each file is synced several times over."""
    await until_within(condition, 60.0)


def call_json(**more: object) -> str:
    """Its JSON."""
    return json.dumps({**META, **more})


def with_list(wav: bytes, tags: Mapping[str, str] = LIST, id3: Mapping[str, str] = ID3) -> bytes:
    """A wav with the chunks that SDRTrunk puts at its end."""
    inner = b"INFO" + b"".join(
        name.encode() + struct.pack("<I", len(value.encode()) + 1) + value.encode() + b"\0"
        for name, value in tags.items()
    )
    chunks = wav[12:] + _chunk(b"LIST", inner) + _chunk(b"id3 ", with_id3(b"", id3))
    return b"RIFF" + struct.pack("<I", len(chunks) + 4) + b"WAVE" + chunks


def with_id3(mp3: bytes, tags: Mapping[str, str] = ID3) -> bytes:
    """An mp3 after the ID3v2.4 tag that SDRTrunk writes."""
    body = b"".join(_frame(name, value.encode()) for name, value in tags.items())
    return b"ID3\x04\x00\x00" + _synchsafe(len(body)) + body + mp3


def _chunk(name: bytes, content: bytes) -> bytes:
    padded = content + b"\0" * (-len(content) % 4)
    return name + struct.pack("<I", len(padded)) + padded


def _frame(name: str, value: bytes) -> bytes:
    language = b"eng\0" if name == "COMM" else b""
    content = b"\x03" + language + value
    return name.encode() + _synchsafe(len(content)) + b"\0\0" + content


def _synchsafe(number: int) -> bytes:
    return bytes(number >> shift & 0x7F for shift in (21, 14, 7, 0))


def put(folder: Path, path: str, content: bytes | str) -> Path:
    """Write a file at once, as what is renamed into its place."""
    target = folder / path
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_name(f".{target.name}.part")
    partial.write_bytes(content if isinstance(content, bytes) else content.encode())
    partial.rename(target)
    return target


@dataclass
class World:
    """What outlives a process."""

    spool: Path
    folder: Path
    store: MemoryStore
    bus: MemoryBus

    def stored(self) -> list[str]:
        """Keys of the recordings' records in the store."""
        return [key for key in self.store.objects if key.endswith("/recording.json")]


def world(tmp_path: Path) -> World:
    """An empty one."""
    folder = tmp_path / "calls"
    folder.mkdir()
    return World(tmp_path / "spool", folder, MemoryStore(), MemoryBus())


@dataclass
class Life:
    """One life of the process."""

    spool: Spool
    watcher: Watcher
    stopping: asyncio.Event
    task: asyncio.Task[None]

    @property
    def ended(self) -> bool:
        """Whether it ended by itself, and well."""
        return self.task.done() and self.task.exception() is None

    @property
    def held(self) -> list[Held]:
        """What the spool holds."""
        return list(self.spool.held)

    @property
    def recordings(self) -> list[Recording]:
        """What was taken, in the order of its names."""
        return sorted(
            (held.entry.recording for held in self.held), key=lambda each: each.filename or ""
        )

    async def taken(self, count: int) -> list[Recording]:
        """Wait until so many were taken, and look once more after that."""
        await until(lambda: len(self.held) >= count)
        await self.quiet()
        assert len(self.held) == count, [each.filename for each in self.recordings]
        return self.recordings

    async def quiet(self) -> None:
        """Wait until nothing is to be done: the whole folder was looked at, and all is finished."""
        before = self.watcher.surveys
        await until(lambda: self.watcher.surveys > before + 1 and not self.watcher.pending)


@asynccontextmanager
async def watching(
    place: World,
    settings: WatchSettings = QUICK,
    *,
    zone: tzinfo | None = UTC,
    max_bytes: int = MIB,
    spool_bytes: int = 64 * MIB,
    forwards: bool = False,
) -> AsyncGenerator[Life]:
    """A process, until the end of the context kills it."""
    spool = open_spool(place.spool, spool_bytes)
    upstream = Upstream(place.store, place.bus, topology())
    forwarder = Forwarder(spool, upstream, 600.0, soon)
    reception = Reception(spool, max_bytes, 60.0)
    measures = Measures(forwarder.backlog, lambda: spool.room.used)
    folder = WatchedFolder(place.folder)
    taker = Taker(folder, reception, forwarder, measures, zone)
    watcher = Watcher(folder, Ledger(place.spool / FOLDER), taker, settings)
    stopping = asyncio.Event()
    tasks = [asyncio.create_task(watcher.run(stopping))]
    tasks += [asyncio.create_task(forwarder.run(asyncio.Event(), 4.0))] if forwards else []
    try:
        yield Life(spool, watcher, stopping, tasks[0])
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        spool.close()
