"""What is looked at when: groups of files that are not finished with. Pure: it is told the time."""

from collections import Counter
from collections.abc import Set

from services.ingest.watch.decide import Files, Sighting, sight
from services.ingest.watch.names import META, Group

_USUAL = (".m4a", ".mp3", ".wav", META)
"""Endings that are looked for beside the one that was heard of."""


class Agenda:
    """The groups that are not finished with, and what is known of them meanwhile."""

    def __init__(self) -> None:
        self._due: dict[Group, float] = {}
        self._sightings: dict[Group, Sighting] = {}
        self._endings: dict[Group, set[str]] = {}
        self._busy: Counter[Group] = Counter()
        self._tries: Counter[Group] = Counter()

    def __len__(self) -> int:
        """How many they are."""
        return len(self._due) + len(self._busy)

    def heard(self, group: Group, suffix: str, now: float) -> None:
        """Something happened to a file."""
        self._endings.setdefault(group, set()).add(suffix)
        self._due[group] = now

    def found(self, group: Group, files: Files, now: float, settle: float) -> None:
        """Files of a group are there; one that has its time already keeps it."""
        self._endings.setdefault(group, set()).update(files)
        if group not in self._due and group not in self._busy:
            self._sightings[group] = sight(files, self._sightings.get(group), now)
            self._due[group] = now + settle

    def again(self, group: Group, at: float) -> None:
        """Look at a group at a time."""
        self._due[group] = at

    def endings(self, group: Group) -> Set[str]:
        """Endings of files that a group may have."""
        return self._endings.get(group, set[str]()).union(_USUAL)

    def sight(self, group: Group, files: Files, now: float) -> Sighting:
        """The files of a group as they are found now."""
        seen = self._sightings[group] = sight(files, self._sightings.get(group), now)
        return seen

    def due(self, now: float, most: int) -> list[Group]:
        """Groups whose time has come, and which nobody works on; they no longer wait."""
        found = [g for g, at in self._due.items() if at <= now and g not in self._busy][:most]
        for group in found:
            del self._due[group]
        return found

    def next(self) -> float | None:
        """When the next has its time."""
        return min((at for g, at in self._due.items() if g not in self._busy), default=None)

    def begin(self, group: Group) -> None:
        """Somebody works on a file of a group."""
        self._busy[group] += 1

    def end(self, group: Group, at: float) -> None:
        """Nobody does any more; look again at a time, once all files of the group are through."""
        self._busy[group] -= 1
        if self._busy[group] <= 0:
            del self._busy[group]
        self._due[group] = max(at, self._due.get(group, 0.0))

    def failed(self, group: Group) -> int:
        """An attempt failed; returns how many did."""
        self._tries[group] += 1
        return self._tries[group]

    def went_well(self, group: Group) -> None:
        """Failures before this one no longer count."""
        del self._tries[group]

    def drop(self, group: Group) -> None:
        """A group is finished with."""
        for known in (self._due, self._sightings, self._endings, self._tries):
            known.pop(group, None)
