"""The look at a whole folder: what lies there, and what the ledger knows of it. Blocking."""

from typing import NamedTuple

from services.ingest.watch.decide import Files, fresh, left
from services.ingest.watch.folder import WatchedFolder
from services.ingest.watch.ledger import Ledger, Rows
from services.ingest.watch.names import Group

DAY = 86_400.0
"""Seconds for which a file that is gone is remembered: what trunk-recorder makes of a call comes
minutes after it; and who mounts his disk again should not have all of it read anew."""


class Found(NamedTuple):
    """What is in one folder."""

    groups: list[tuple[Group, Files]]
    """With something to be done."""
    folders: list[str]
    """Within it."""
    gone: list[Group]
    """Which the ledger knows, and which are no longer there."""
    is_known: bool
    """Whether any file is there that the ledger knows."""


def survey(folder: WatchedFolder, ledger: Ledger, path: str, *, tidy: bool) -> Found:
    """Look at one folder; `tidy`: what was taken is not to be left there.

    Raises OSError, sqlite3.Error.
    """
    listing = folder.list(path)
    known = ledger.of_folder(path)
    groups = [
        (Group(path, stem), files)
        for stem, files in listing.files.items()
        if _is_work(files, known.get(stem, {}), tidy=tidy)
    ]
    gone = [Group(path, stem) for stem in known if stem not in listing.files]
    return Found(groups, listing.folders, gone, len(gone) < len(known))


def _is_work(files: Files, rows: Rows, *, tidy: bool) -> bool:
    if fresh(files, rows):
        return True
    rest = left(files, rows)
    return tidy and bool(rest.taken or rest.refused)


class Whole:
    """What a look at all of it has found so far of what is gone."""

    def __init__(self) -> None:
        self._seen: set[str] = set()
        self._gone: list[Group] = []
        self._is_known = False

    def add(self, path: str, found: Found) -> None:
        """One folder was looked at."""
        self._seen.add(path)
        self._gone += found.gone
        self._is_known = self._is_known or found.is_known

    def forget(self, ledger: Ledger) -> None:
        """Let the ledger forget what is gone: nothing, if it all is.

        That is a disk that is not there. Raises sqlite3.Error.
        """
        if not self._is_known:
            return
        for path in ledger.folders():
            if path not in self._seen:
                self._gone += [Group(path, stem) for stem in ledger.of_folder(path)]
        ledger.forget(self._gone, DAY)
