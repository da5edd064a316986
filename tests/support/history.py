"""The history for tests: rows without servers, one that is kept, and what two files hold."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from sqlite3 import Connection, connect

from benchmarks.history_content import ROWS, check_words, open_file
from services.stream.found import FoundRecording, RecordingPage
from services.stream.history import ledger, rows, search, shape
from services.stream.history.keeper import History
from services.stream.history.query import Wanted
from services.stream.history.rows import Stored, Version
from shared import object_keys
from shared.bus import Bus
from shared.errors import Unavailable
from shared.follow import Follow
from shared.messages import Correction, Recording, encode
from shared.object_store import ObjectStore

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
DEADLINE = 60.0
REVIEW_BELOW = 0.6


def recording(
    number: int, source: str = "county", channel: str = "fire", start: datetime | None = None
) -> Recording:
    """Received so many seconds after noon."""
    id = f"{number * 2654435761 % (1 << 128):032x}"
    return Recording(
        id=id,
        source=source,
        channel=channel,
        sha256="0" * 64,
        size=1,
        audio=object_keys.audio(id, "wav"),
        container="wav",
        codec="pcm_s16le",
        duration=4.0,
        received=NOON + timedelta(seconds=number),
        start=start,
    )


def version(
    number: int,
    text: str = "",
    confidence: float | None = 0.9,
    model: str = "demo",
    correction: Correction | None = None,
    prompt: str | None = None,
) -> Version:
    """One that is completed."""
    return Version(
        number,
        "completed",
        correction,
        prompt,
        model,
        "en",
        1,
        confidence if text else None,
        rows.microseconds(NOON),
        text=text,
    )


BY_HAND = Correction(base=1, segments=[], key="k", by="kb")


def stored(found: Recording, *versions: Version) -> Stored:
    """A recording as the store would have it."""
    return Stored(found, encode(found), {each.number: each for each in versions})


def database() -> Connection:
    """An empty history in memory."""
    db = connect(":memory:", isolation_level=None, check_same_thread=False)
    db.executescript(shape.TABLES)
    return db


def filled(*all_: Stored) -> Connection:
    """A history in memory."""
    db = database()
    for each in all_:
        ledger.put(db, each)
    return db


def page(db: Connection, wanted: Wanted | None = None) -> RecordingPage:
    """What a caller is given."""
    return search.page(db, wanted or Wanted(), REVIEW_BELOW)


def every(db: Connection, wanted: Wanted) -> list[FoundRecording]:
    """All pages together."""
    found: list[FoundRecording] = []
    while True:
        given = page(db, wanted)
        assert len(given.recordings) <= wanted.limit
        found += given.recordings
        if given.next is None:
            return found
        wanted = replace(wanted, cursor=int(given.next, 16))


def dump(db: Connection) -> Mapping[str, Sequence[tuple[object, ...]]]:
    """Everything that two files made of the same store and the same events have in common.

    Raises sqlite3.DatabaseError if the index of words does not fit the texts.
    """
    check_words(db)
    return {name: db.execute(query).fetchall() for name, query in ROWS.items()}


def dump_file(data: Path) -> Mapping[str, Sequence[tuple[object, ...]]]:
    """The same, of the history in a data folder that nobody uses."""
    db = open_file(data)
    try:
        return dump(db)
    finally:
        db.close()


@asynccontextmanager
async def kept(data: Path, store: ObjectStore, bus: Bus) -> AsyncGenerator[History]:
    """A history that is kept until the context ends."""
    follow = Follow(bus)
    history = History(data, store, bus, follow, REVIEW_BELOW)
    tasks = [asyncio.create_task(follow.run()), asyncio.create_task(history.run())]
    try:
        yield history
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def until_at(history: History, sequence: int) -> RecordingPage:
    """A page, once the history is live and has all up to an event's sequence."""
    async with asyncio.timeout(DEADLINE):
        while True:
            if (await history.health()).status == "ok":
                try:
                    found = await history.page(Wanted(limit=500))
                except Unavailable:
                    found = None
                if found and int((found.last_event_id or "-0").rpartition("-")[2]) >= sequence:
                    return found
            await asyncio.sleep(0.01)


def said(found: RecordingPage) -> set[str]:
    """What was said: what came within the same millisecond has no order."""
    return {each.text for each in found.recordings}


async def until(holds: Callable[[], bool]) -> None:
    """Wait until something holds, within the deadline."""
    async with asyncio.timeout(DEADLINE):
        while True:
            if holds():
                return
            await asyncio.sleep(0.01)


async def until_health(history: History, status: str, detail: str = "") -> None:
    """Wait until it says of itself how it is."""
    async with asyncio.timeout(DEADLINE):
        while True:
            found = await history.health()
            if found.status == status and detail in found.detail:
                return
            await asyncio.sleep(0.01)


async def until_said(history: History, texts: set[str]) -> RecordingPage:
    """A page, once it has exactly these texts."""
    async with asyncio.timeout(DEADLINE):
        while True:
            found = await until_at(history, 0)
            if said(found) == texts:
                return found
            await asyncio.sleep(0.01)
