"""Which groups of readers an event goes to, found without asking every group.

Filters that name recordings are found by the recording. For nearly all others the answer depends
on source, channel and type alone, and is remembered; it is brought up to date when a group comes or
goes, so that an event costs a look-up however many groups do not want it.
"""

from collections import OrderedDict
from typing import Generic, Protocol, TypeVar

from services.stream.filters import View, Wanted

_REMEMBERED = 4096
"""Combinations of source, channel and type."""


class Group(Protocol):
    """Readers that want the same."""

    @property
    def wanted(self) -> Wanted: ...


G = TypeVar("G", bound=Group)
_Key = tuple[str, str, str]
_Found = tuple[dict[G, None], dict[G, None]]
"""Groups that want every such event, and groups that are to be asked."""


class FilterIndex(Generic[G]):
    """The groups that there are."""

    def __init__(self) -> None:
        self._groups: dict[G, None] = {}
        self._by_recording: dict[str, dict[G, None]] = {}
        self._remembered: OrderedDict[_Key, tuple[View, _Found[G]]] = OrderedDict()

    def add(self, group: G) -> None:
        """A group came."""
        self._groups[group] = None
        for recording in group.wanted.recordings:
            self._by_recording.setdefault(recording, {})[group] = None
        for event, found in self._remembered.values():
            _note(group, event, found)

    def remove(self, group: G) -> None:
        """A group went."""
        del self._groups[group]
        for recording in group.wanted.recordings:
            found = self._by_recording[recording]
            found.pop(group, None)
            if not found:
                del self._by_recording[recording]
        for _, (certain, uncertain) in self._remembered.values():
            certain.pop(group, None)
            uncertain.pop(group, None)

    def matching(self, event: View) -> list[G]:
        """The groups that want an event, each once."""
        certain, uncertain = self._remember(event)
        if named := self._by_recording.get(event.recording):
            uncertain = uncertain | named
        if not uncertain:
            return list(certain)
        return [*certain, *(group for group in uncertain if group.wanted.wants(event))]

    def _remember(self, event: View) -> _Found[G]:
        key = (event.source, event.channel, event.type)
        if remembered := self._remembered.get(key):
            self._remembered.move_to_end(key)
            return remembered[1]
        found: _Found[G] = ({}, {})
        for group in self._groups:
            _note(group, event, found)
        self._remembered[key] = (event, found)
        if len(self._remembered) > _REMEMBERED:
            self._remembered.popitem(last=False)
        return found


def _note(group: G, event: View, found: _Found[G]) -> None:
    """Put a group where it belongs, for events of this source, channel and type."""
    if group.wanted.by_kind:
        if group.wanted.wants(event):
            found[0][group] = None
    elif any(not f.recordings for f in group.wanted.filters):
        found[1][group] = None
