"""Whether what was said of a channel counted from the moment on at which it was taken."""

from collections.abc import Iterator
from datetime import datetime

from shared.messages import Metadata, Queued, Started
from tests.chaos.finding import Finding
from tests.chaos.history import Asked, History, Said

LABEL = "talkgroup_label"


def channels(history: History) -> Iterator[Finding]:
    """A recording has the label that counted when it was accepted, its events one that counted
    since it was sent, and its job the lane that went with that."""
    for recording in history.recordings.values():
        said = _of(history, recording.source, recording.channel)
        if not _is_current(said, recording.metadata, recording.received, recording.received):
            yield Finding("channel", f"{recording.id} has the label {_label(recording.metadata)}")
    for stored in history.events:
        event = stored.event
        if not isinstance(event, Queued) or stored.id.version != 1:
            continue
        said = _of(history, event.source, event.channel)
        began = min(
            (
                each.began
                for words in (False, True)
                for each in history.sent.get(Asked(event.recording, words), ())
            ),
            default=event.time,
        )
        if not _is_current(said, event.metadata, began, event.time):
            yield Finding("channel", f"{stored.id} is queued with {_label(event.metadata)}")
        elif event.lane != _lane(said, _label(event.metadata)):
            yield Finding("channel", f"{stored.id} is in the lane {event.lane}")
    wanted = {each.record.key: each.record for each in history.said if each.answered}
    found = {record.key: record for record in history.channels}
    if history.said and not wanted.items() <= found.items() and _all_answered(history):
        yield Finding("channel", f"the bucket holds {sorted(found)}, and not what was said")


def plans(history: History) -> Iterator[Finding]:
    """What a version is made by was said of its channel all at once."""
    for stored in history.events:
        event = stored.event
        if not isinstance(event, Started):
            continue
        options = event.plan.options
        possible = {
            (each.record.prompt, each.record.expected)
            for each in _of(history, event.source, event.channel)
            if each.began <= event.time
        } or {(None, None)}
        if (options.prompt, options.hotwords) not in possible:
            yield Finding("channel", f"{stored.id} is made by the prompt {options.prompt!r}")


def _of(history: History, source: str, channel: str) -> list[Said]:
    place = source, channel
    return [each for each in history.said if (each.record.source, each.record.channel) == place]


def _is_current(said: list[Said], metadata: Metadata, since: datetime, until: datetime) -> bool:
    """Whether a label counted at some time between two moments."""
    label = _label(metadata)
    before = [n for n, each in enumerate(said) if each.answered and each.answered < since]
    oldest = max(before, default=-1)
    possible: set[object] = {
        each.record.label
        for n, each in enumerate(said)
        if n >= max(0, oldest) and each.began <= until
    }
    if oldest < 0:
        possible.add(None)
    return label in possible


def _lane(said: list[Said], label: object) -> str:
    lane = next((each.record.lane for each in said if each.record.label == label), None)
    return lane or "live"


def _all_answered(history: History) -> bool:
    return all(each.answered for each in history.said)


def _label(metadata: Metadata) -> object:
    return metadata.get(LABEL)
