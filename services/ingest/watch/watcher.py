"""Takes what appears in the watched folder, for ever; see the package."""

import asyncio
import logging
import sqlite3
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TypeVar

from services.ingest.watch.after import After
from services.ingest.watch.agenda import Agenda
from services.ingest.watch.crew import Crew
from services.ingest.watch.decide import Decision, Files, decide
from services.ingest.watch.folder import WatchedFolder
from services.ingest.watch.ledger import Ledger, Row, Rows
from services.ingest.watch.listener import Listener
from services.ingest.watch.names import Group, shown, split
from services.ingest.watch.survey import Whole, survey
from services.ingest.watch.taker import Taker
from shared.errors import SettingError
from shared.health import OK, Result, degraded
from shared.settings_watch import WatchSettings

T = TypeVar("T")
FOLDER = "watch"
"""The ledger's, within the spool."""
MOST = 10_000
"""Groups of files that are kept in mind; what is more is found by the next look."""
_AT_ONCE = 200
_SHARE = 20.0
"""A look at the whole folder takes at most one part of so many of the time."""
_log = logging.getLogger(__name__)


class Watcher:
    """The only one who takes files from the folder in this process."""

    def __init__(
        self, folder: WatchedFolder, ledger: Ledger, taker: Taker, settings: WatchSettings
    ) -> None:
        self._folder = folder
        self._ledger = ledger
        self._settle = settings.watch_settle
        self._rescan = settings.watch_rescan
        self._after = After(folder, settings.watch_after)
        self._listener = Listener(folder.path, self._hear, self._rescan)
        self._agenda = Agenda()
        self._changed = asyncio.Event()
        self._crew = Crew(taker, self._agenda, self._record, self._changed.set, self._settle)
        self._heard: set[str] = set()
        self._identity: tuple[int, int] | None = None
        self._next = 0.0
        self._trouble = ""
        self._is_cut = False
        self._looks = False
        self.surveys = 0
        """Looks at the whole folder that have ended."""
        self._unreadable: set[str] = set()
        # Of its own, since a network share may keep it waiting for long.
        self._thread = ThreadPoolExecutor(1, "watch")

    async def check(self) -> Result:
        """For health: whether the folder can be read."""
        return degraded(self._trouble) if self._trouble else OK

    @property
    def pending(self) -> int:
        """How many groups of files are not finished with; 1 at least while any is looked at."""
        return len(self._agenda) + len(self._heard) + self._looks

    async def run(self, stopping: asyncio.Event) -> None:
        """Take files until `stopping`; those in hand are finished."""
        order = asyncio.create_task(stopping.wait())
        order.add_done_callback(lambda _: self._changed.set())
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._listener.run(stopping))
                tasks.create_task(self._crew.run(stopping))
                await self._watch(stopping)
        finally:
            order.cancel()
            self._thread.submit(self._ledger.close)
            self._thread.shutdown(wait=False)

    # --- looking ---

    async def _watch(self, stopping: asyncio.Event) -> None:
        while not stopping.is_set():
            self._changed.clear()
            self._looks = True
            try:
                await self._look()
            except Exception as error:  # noqa: BLE001 - whatever it is, the next look finds it all
                self._say_trouble(error)
                self._next = _now() + self._rescan
                await self._wait(min(1.0, self._rescan))
            else:
                self._looks = False
                await self._wait(0.01)

    async def _look(self) -> None:
        await self._do(self._ledger.open)
        if _now() >= self._next or (self._is_cut and len(self._agenda) < MOST // 10):
            await self._look_at_all()
        for path in self._take_heard():
            await self._hear_of(path)
        while groups := self._agenda.due(_now(), _AT_ONCE):
            for group, files, rows in await self._read(groups):
                await self._act(group, files, rows)

    async def _wait(self, least: float) -> None:
        due = self._agenda.next()
        until = self._next if due is None else min(due, self._next)
        with suppress(TimeoutError):
            async with asyncio.timeout(max(least, until - _now())):
                await self._changed.wait()

    async def _look_at_all(self) -> None:
        began = _now()
        identity = await self._do(self._folder.identity)
        if identity != self._identity:
            if self._identity is not None or self._trouble:
                self._listener.renew()
            self._identity = identity
        whole = Whole()
        self._is_cut = False
        if await self._survey("", whole):
            await self._do(lambda: whole.forget(self._ledger))
        if self._trouble:
            self._trouble = ""
            _log.info("the watched folder is there again")
        self.surveys += 1
        self._next = _now() + max(self._rescan, _SHARE * (_now() - began))

    async def _survey(self, start: str, whole: Whole) -> bool:
        """Look at a folder and all below it; False if some of it was not looked at."""
        paths, complete = [start], True
        tidy = self._after.is_due
        while paths:
            if len(self._agenda) >= MOST:
                self._is_cut = True
                return False
            path = paths.pop()
            try:
                found = await self._do(partial(survey, self._folder, self._ledger, path, tidy=tidy))
            except OSError as error:
                if not path:
                    raise
                complete = False
                self._say_unreadable(path, error)
                continue
            whole.add(path, found)
            paths += found.folders
            for group, files in found.groups[: MOST - len(self._agenda)]:
                self._agenda.found(group, files, _now(), self._settle)
        return complete

    def _hear(self, paths: Iterable[str]) -> None:
        self._heard.update(paths)
        self._changed.set()

    def _take_heard(self) -> set[str]:
        heard, self._heard = self._heard, set()
        return heard

    async def _hear_of(self, path: str) -> None:
        folder, _, name = path.rpartition("/")
        if parts := split(name):
            self._agenda.heard(Group(folder, parts[0]), parts[1], _now())
        elif await self._do(lambda: self._folder.is_folder(path)):
            # Nothing may have told of what was in it before anybody listened.
            with suppress(OSError):
                await self._survey(path, Whole())

    async def _read(self, groups: Iterable[Group]) -> list[tuple[Group, Files, Rows]]:
        endings = {group: self._agenda.endings(group) for group in groups}

        def read() -> list[tuple[Group, Files, Rows]]:
            self._folder.identity()
            return [
                (group, self._folder.look(group, each), self._ledger.of(group))
                for group, each in endings.items()
            ]

        return await self._do(read)

    # --- doing ---

    async def _act(self, group: Group, files: Files, rows: Rows) -> None:
        now = _now()
        sighting = self._agenda.sight(group, files, now)
        decision = decide(group.stem, sighting, rows, now, self._settle)
        if decision.again is not None:
            self._agenda.again(group, decision.again)
        elif decision.takes:
            for take in decision.takes:
                self._crew.add(group, take)
        elif decision.twins:
            twins = {suffix: Row(stamp, "twin") for suffix, stamp in decision.twins.items()}
            await self._record(group, twins)
            self._agenda.again(group, now)
        else:
            await self._finish(group, decision)

    async def _finish(self, group: Group, decision: Decision) -> None:
        if decision.taken or decision.refused:
            await self._do(lambda: self._after.finish(group, decision))
        self._agenda.drop(group)

    def _say_trouble(self, error: Exception) -> None:
        what = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        trouble = f"The watched folder {self._folder.path} (CALL_WATCH_PATH) waits: {what}"
        if trouble != self._trouble:
            self._trouble = trouble
            unexpected = not isinstance(error, OSError | sqlite3.Error)
            _log.warning(trouble, exc_info=error if unexpected else None)

    def _say_unreadable(self, path: str, error: OSError) -> None:
        if path not in self._unreadable:
            self._unreadable.add(path)
            extra = {"path": shown(path), "error": error.strerror}
            _log.warning("a folder within the watched one cannot be read", extra=extra)

    async def _record(self, group: Group, rows: Rows) -> None:
        await self._do(lambda: self._ledger.write(group, rows))

    async def _do(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)


def _now() -> float:
    return asyncio.get_running_loop().time()


def check_path(path: Path, data: Path) -> None:
    """Raises SettingError for a folder that must not be watched, being none, or our own.

    One that is not there may come, when its disk is mounted.
    """
    real, own = path.resolve(), data.resolve()
    if path.exists() and not path.is_dir():
        raise SettingError(f"CALL_WATCH_PATH={str(path)!r} is no folder")
    inner = [own / name for name in ("spool", "nats", "store")]
    if own.is_relative_to(real) or any(real.is_relative_to(each) for each in inner):
        raise SettingError(
            f"CALL_WATCH_PATH={str(path)!r} holds what EchoBase itself keeps (ECHOBASE_DATA)"
        )
