"""What becomes of a file once it was taken, or refused. Blocking."""

import logging
import time
from collections.abc import Callable

from services.ingest.watch.decide import Decision
from services.ingest.watch.folder import REFUSED, TAKEN, WatchedFolder
from services.ingest.watch.names import Group, shown
from shared import settings_watch

_PAUSE = 300.0
"""Seconds for which files are left alone after one could not be moved or deleted."""
_log = logging.getLogger(__name__)


class After:
    """Leaves files alone, moves them, or deletes them; what was refused is never deleted."""

    def __init__(
        self,
        folder: WatchedFolder,
        what: settings_watch.After,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._folder = folder
        self._what = what
        self._clock = clock
        self._able = 0.0

    @property
    def is_due(self) -> bool:
        """Whether anything is to be done at all now."""
        return self._what != "keep" and self._clock() >= self._able

    def finish(self, group: Group, done: Decision) -> None:
        """Do it to the files of a group, those that are as they were."""
        if not self.is_due:
            return
        try:
            if done.refused:
                self._folder.move(group, done.refused, REFUSED)
            if done.taken and self._what == "move":
                self._folder.move(group, done.taken, TAKEN)
            elif done.taken:
                self._folder.delete(group, done.taken)
        except OSError as error:
            self._able = self._clock() + _PAUSE
            _log.warning(
                "a file of the watched folder can be neither moved nor deleted, and stays there",
                extra={"path": shown(group.path("")), "error": str(error)},
            )
