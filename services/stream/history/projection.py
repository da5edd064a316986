"""The loop that keeps the history: the store's listing, then EVENTS for ever.

    a new file, or events were missed      list the store, then read EVENTS from its first on
    a file that is known                   read EVENTS from the place that it holds
    something was deleted                  overwrite it before anything else
    damaged, of another release, or gone   begin with a new file

The place in EVENTS is written with what its events did: whoever is killed goes on exactly there.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from contextlib import aclosing, suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from sqlite3 import Connection

from services.stream.history import happened, ledger, rows
from services.stream.history.file import Damaged, HistoryFile, Taken
from services.stream.history.happened import Looked, Needed
from services.stream.history.ledger import Place
from services.stream.history.look import look, look_at_version
from services.stream.history.progress import Progress
from services.stream.history.walk import AT_ONCE, Stretch, walk
from shared.bus import StoredMessage
from shared.errors import Unavailable
from shared.follow import Cursor, Follow, Gap
from shared.object_store import ObjectStore

ALL = ("echobase.events.>",)
AGAIN = "rebuild"
"""A file of this name, put beside the history's, asks for a new one; see `echobase history`."""
PROGRESS = "progress.json"
RECENT = timedelta(days=1)
"""Age up to which a walk has it looked up whether EVENTS knows of a correction."""
_FIRST_PAUSE = 0.1
_LONGEST_PAUSE = 5.0
_TOGETHER = 2000
"""Events that are written in one transaction, and some more."""
_MANY = 50
"""Events of one transaction from which on there are so many that it is made less often."""
_REST, _LONGEST_REST = 0.25, 1.0
"""Seconds between two transactions while it is live: a lone event is written at once, and what
comes right after it together. A transaction for each would cost more than sending it to a hundred
readers."""
_SHARE = 0.02
"""Of the time, that transactions may take before they are made less often: while thousands of
readers are written to, each waits long for its turn with the interpreter, and costs them theirs."""
_LOOK = 1.0
"""Seconds between two looks at whether the file is still there, or wanted anew."""
_log = logging.getLogger(__name__)


class Anew(Exception):
    """Somebody wants a new file."""


class Projection:
    """Keeps one file up to date."""

    def __init__(
        self,
        file: HistoryFile,
        store: ObjectStore,
        follow: Follow,
        noted: Callable[[], None] = lambda: None,
    ) -> None:
        """`noted` is called when corrections were found of which EVENTS may not know."""
        self._noted = noted
        self.progress = Progress()
        self._file = file
        self._store = store
        self._follow = follow
        self._damage = asyncio.Event()
        self._troubled = False
        """Whether it was said that something is away, and it has not been live since."""

    def report_damage(self) -> None:
        """A reader found that the file is damaged."""
        self._damage.set()

    async def run(self) -> None:
        """Keep it for ever."""
        pause = _FIRST_PAUSE
        while True:
            self.progress.stage = "waiting"
            began = time.monotonic()
            try:
                await self._keep()
            except Damaged as damage:
                _log.warning("the history is made anew: %s", damage)
                await self._remove()
            except Anew:
                _log.info("the history is made anew, as was asked for")
                await self._remove()
            except (Unavailable, Taken, OSError) as error:
                self._wait_for(str(error))
            if time.monotonic() - began > _LONGEST_PAUSE:
                pause = _FIRST_PAUSE
            await asyncio.sleep(pause)
            pause = min(_LONGEST_PAUSE, pause * 2)

    def _wait_for(self, trouble: str) -> None:
        if not self._troubled:
            _log.warning("the history waits: %s", trouble)
        self._troubled = True
        self.progress.trouble = trouble

    async def _keep(self) -> None:
        self._damage.clear()
        self.progress.began = time.time()
        await self._file.open()
        place = await self._file.read(ledger.place)
        self.progress.listed, self.progress.whole = place.walk != "first", place.whole
        if place.scrub:
            await self._scrub()
        tasks = {asyncio.create_task(self._keep_up(place)), asyncio.create_task(self._watch())}
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _keep_up(self, place: Place) -> None:
        while True:
            if place.walk != "done":
                place = await self._walk(place)
            place = await self._read(place)

    async def _walk(self, place: Place) -> Place:
        """List the store, and forget what it does not have."""
        progress = self.progress
        progress.stage, progress.recordings, progress.whole = "listing", 0, False
        deleted = False
        await self._store.ensure()
        async with aclosing(walk(self._store)) as stretches:
            async for stretch in stretches:
                progress.trouble = ""
                deleted = await self._file.write(lambda db, s=stretch: _write(db, s))
                progress.recordings += len(stretch.found)
        if deleted:
            await self._scrub()
        self._noted()
        place = Place("done")
        await self._file.write(lambda db: ledger.set_place(db, place))
        progress.listed = True
        _log.info("the store was listed", extra={"recordings": progress.recordings})
        return place

    async def _read(self, place: Place) -> Place:
        """Read EVENTS from a place on; returns once events are missing."""
        self.progress.stage = "reading"
        if not self._follow.epoch:
            self.progress.trouble = "NATS is away"
            await self._follow.known()
        self.progress.trouble = ""
        cursor = self._follow.cursor(lambda _: True, ALL)
        if await cursor.begin(place.sequence, place.epoch or None) or await self._aged_out(place):
            return await self._missed()
        while True:
            arrival = self._follow.arrival
            began = time.monotonic()
            items = await _next(cursor)
            messages = [item for item in items if not isinstance(item, Gap)]
            if len(messages) < len(items):
                return await self._missed()
            place = replace(place, epoch=cursor.epoch, sequence=cursor.position)
            await self._take(messages, place, cursor)
            if len(messages) < _TOGETHER:
                place = await self._caught_up(place)
                rest = (time.monotonic() - began) / _SHARE if len(messages) > _MANY else _REST
                rested = began + min(max(rest, _REST), _LONGEST_REST)
                await arrival.wait()
                await asyncio.sleep(max(0.0, rested - time.monotonic()))

    async def _aged_out(self, place: Place) -> bool:
        """Whether EVENTS has forgotten what it held when it was empty here; else a gap says so."""
        if not place.whole or place.sequence:
            return False
        return (await self._follow.bus.state(self._follow.stream)).first > 1

    async def _take(self, messages: Sequence[StoredMessage], place: Place, cursor: Cursor) -> None:
        """Write what a batch of events did, and the place with it."""
        self.progress.behind = max(0, self._follow.last - cursor.position)
        batch = happened.read(messages)
        looked: Looked | None = None

        def write(db: Connection) -> Needed | bool:
            if looked is None and (needed := happened.needed(db, batch)) != Needed():
                return needed
            happened.write(db, batch, looked or Looked())
            scrub = ledger.place(db).scrub
            ledger.set_place(db, replace(place, scrub=scrub))
            return scrub

        # In one go where nothing has to be asked for: another thread costs more than the writing.
        done = await self._file.write(write)
        if isinstance(done, Needed):
            looked = await self._look(done)
            done = await self._file.write(write)
        if done:
            await self._scrub()

    async def _look(self, needed: Needed) -> Looked:
        gate = asyncio.Semaphore(AT_ONCE)

        async def recording(id: str) -> None:
            async with gate:
                found[id] = await look(self._store, id)

        async def version(id: str, number: int) -> None:
            async with gate:
                versions[(id, number)] = await look_at_version(self._store, id, number)

        found, versions = dict(Looked().recordings), dict(Looked().versions)
        await asyncio.gather(
            *(recording(id) for id in needed.recordings),
            *(version(id, number) for id, number in needed.versions),
        )
        return Looked(found, versions)

    async def _caught_up(self, place: Place) -> Place:
        progress = self.progress
        progress.stage, progress.behind, progress.trouble = "live", 0, ""
        self._troubled = False
        if not place.whole:
            place = replace(place, whole=True)
            await self._file.write(lambda db: ledger.set_place(db, place))
            _log.info("the history is whole", extra={"place": place.event_id})
        progress.whole = True
        return place

    async def _missed(self) -> Place:
        """What happened to recordings since is only in the store."""
        _log.warning("the history missed events: the store is listed again")
        place = Place("again")
        await self._file.write(lambda db: ledger.set_place(db, place))
        return place

    async def _scrub(self) -> None:
        await self._file.scrub()
        await self._file.write(ledger.scrubbed)

    async def _watch(self) -> None:
        """Raises Damaged or Anew."""
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(_LOOK):
                    await self._damage.wait()
                    raise Damaged("a reader found it damaged")
            await self._file.check()
            if await asyncio.to_thread((self._file.folder / AGAIN).exists):
                raise Anew

    async def _remove(self) -> None:
        self.progress.listed = self.progress.whole = False
        await self._file.remove()
        await asyncio.to_thread((self._file.folder / AGAIN).unlink, missing_ok=True)


async def _next(cursor: Cursor) -> Sequence[StoredMessage | Gap]:
    """What there is, as much as is written together; ends with a gap where there is one."""
    found = list[StoredMessage | Gap]()
    while len(found) < _TOGETHER and (items := await cursor.next()):
        found.extend(items)
        if any(isinstance(item, Gap) for item in items):
            break
    return found


def _write(db: Connection, stretch: Stretch) -> bool:
    """Whether something was forgotten."""
    gone = ledger.ids_between(db, stretch.after, stretch.last)
    gone -= {stored.recording.id for stored in stretch.found}
    for id in gone:
        ledger.forget(db, id)
    recently = rows.microseconds(datetime.now(UTC) - RECENT)
    for stored in stretch.found:
        ledger.put(db, stored)
        for version in stored.versions.values():
            if version.correction and (version.created is None or version.created > recently):
                ledger.note_correction(db, stored.recording.id, version.number)
    return ledger.place(db).scrub
