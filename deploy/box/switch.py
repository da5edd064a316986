"""Switching from one release to another, so that it can be cut off anywhere.

A journal tells that a switch is not over. Whoever comes next finishes it, or rolls it back if the
new release does not become healthy.
"""

from collections.abc import Callable

import msgspec
from msgspec import Struct

from deploy.airgap import disk
from deploy.box import bundles
from deploy.box.errors import BoxError, RolledBack
from deploy.box.files import write
from deploy.box.places import Places
from deploy.box.release import Releases
from deploy.box.system import Manager, run

Tell = Callable[[str], None]
_UNITS = ("-P", "-m", "deploy.box.units")
"""-P: a checkout in the working directory is none of its business."""


class Journal(Struct, frozen=True, kw_only=True):
    """A switch that is not over."""

    new: str
    old: str | None
    """None if nothing was installed before."""


class Switch:
    """The switches of one box."""

    def __init__(self, places: Places, manager: Manager, patience: float, tell: Tell) -> None:
        """`patience`: seconds for a release to become healthy. `tell` is told of each step."""
        self._places = places
        self._manager = manager
        self._patience = patience
        self._tell = tell
        self._releases = Releases(places)

    def recover(self) -> None:
        """Finish a switch that was cut off. Raises RolledBack."""
        journal = self._journal()
        if journal is None:
            return
        self._tell(f"an earlier switch to {journal.new} was cut off: finishing it")
        self._perform(journal)

    def to(self, new: str) -> None:
        """Let a release run. Raises RolledBack, or BoxError if there was none before."""
        old = self._releases.current()
        journal = Journal(new=new, old=None if old == new else old)
        write(self._places.journal, msgspec.json.encode(journal).decode())
        self._tell("the switch is noted")
        self._perform(journal)

    def _perform(self, journal: Journal) -> None:
        try:
            self._activate(journal.new)
        except BoxError as error:
            if journal.old is None:
                # There is nothing to go back to: it stays as it is, to be looked at.
                self._close({journal.new, *self._releases.names()})
                raise
            self._tell(f"{journal.new} does not run ({error}): going back to {journal.old}")
            self._activate(journal.old)
            self._close({journal.old})
            raise RolledBack(
                f"{journal.new} does not run, {journal.old} runs again: {error}"
            ) from None
        # The one before stays, to go back to by hand.
        before = {journal.old} if journal.old else set(self._releases.names())
        self._close({journal.new, *before})

    def _activate(self, name: str) -> None:
        self._releases.point_to(name)
        self._tell(f"{name} is the current release")
        # Its own program knows what its parts need.
        run([str(self._releases.python(name)), *_UNITS, str(self._places.root)])
        self._tell("the units are written")
        self._manager.reload()
        self._tell("systemd knows the units")
        self._manager.restart()
        self._tell("the parts are started")
        if late := self._manager.unhealthy(self._patience):
            raise BoxError(
                f"not ready after {self._patience:g} s: {', '.join(late)};"
                " see `journalctl -u 'echobase*'`"
            )
        self._tell("every part answers")

    def _close(self, keep: set[str]) -> None:
        disk.remove(self._places.journal)
        disk.sync_folder(self._places.home)
        self._tell("the switch is over")
        self._releases.prune(keep)
        bundles.prune(self._places)
        self._tell("older releases are removed")

    def _journal(self) -> Journal | None:
        try:
            return msgspec.json.decode(self._places.journal.read_bytes(), type=Journal)
        except FileNotFoundError:
            return None
