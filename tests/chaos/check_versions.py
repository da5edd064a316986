"""Whether every version was made once, whole, and as an undisturbed run makes it."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise

from shared.messages import (
    Completed,
    Event,
    Failed,
    Queued,
    Refused,
    Segment,
    Started,
    Transcript,
    TranscriptSegment,
)
from tests.chaos.bounds import OF_ALL, OF_ONE
from tests.chaos.finding import Finding
from tests.chaos.history import Asked, History, StoredEvent, Undisturbed, VersionId


def uploads(history: History) -> Iterator[Finding]:
    """Every upload was accepted in the end, and none was refused for good."""
    for words in history.not_accepted:
        yield Finding("refused", words)


def versions(history: History) -> Iterator[Finding]:
    """What was accepted has exactly one version, completed unless it was poisoned."""
    completed = Counter(e.id for e in history.events if isinstance(e.event, Completed))
    made: dict[Asked, list[int]] = defaultdict(list)
    for id, stored in history.versions.items():
        made[Asked(id.recording, stored.words)].append(id.version)
    for asked in sorted(history.accepted):
        numbers = made.pop(asked, [])
        if not numbers:
            yield Finding("lost", f"{_name(asked)} was accepted and is not in the store")
        elif len(numbers) > 1:
            yield Finding("doubled", f"{_name(asked)} has the versions {sorted(numbers)}")
        for number in numbers:
            count = completed[VersionId(asked.recording, number)]
            yield from _completion(f"{asked.recording} version {number}", count, asked, history)
    for asked, numbers in made.items():
        yield Finding("doubled", f"{_name(asked)} has version {numbers}, which nobody asked for")


def _completion(name: str, count: int, asked: Asked, history: History) -> Iterator[Finding]:
    wanted = 0 if asked.recording in history.poisoned else 1
    if count < wanted:
        yield Finding("lost", f"{name} is not completed")
    elif count > wanted:
        yield Finding("doubled", f"{name} is completed {count} times, not {wanted}")


def event_order(history: History) -> Iterator[Finding]:
    """A version's events: `queued`, `started`, segments counted without a hole, then the end."""
    for id, events in _by_version(history.events).items():
        name = f"{id.recording} version {id.version}"
        yield from _order(name, [s.event for s in events if not isinstance(s.event, Refused)])


def _order(name: str, events: Sequence[Event]) -> Iterator[Finding]:
    if not isinstance(events[0], Queued):
        yield Finding("disordered", f"{name} begins with {events[0].type}")
    indexes = [event.index for event in events if isinstance(event, Segment)]
    for index, count in Counter(indexes).items():
        if count > 1:
            yield Finding("doubled", f"{name} has segment {index} {count} times")
    if sorted(set(indexes)) != list(range(len(set(indexes)))):
        yield Finding("lost", f"{name} has the segments {sorted(set(indexes))}")
    if any(later < earlier for earlier, later in pairwise(indexes)):
        yield Finding("disordered", f"{name} has its segments in the order {indexes}")
    ends = [n for n, event in enumerate(events) if isinstance(event, Completed | Failed)]
    if ends and ends[0] != len(events) - 1:
        later = [event.type for event in events[ends[0] + 1 :]]
        yield Finding("disordered", f"{name} goes on after its end with {later}")
    plans = {str(event.plan) for event in events if isinstance(event, Started)}
    if len(plans) > 1:
        yield Finding("transcript", f"{name} was made by {len(plans)} plans")


def transcripts(history: History) -> Iterator[Finding]:
    """Each transcript says what the events said, and what an undisturbed run says."""
    events = _by_version(history.events)
    for id, stored in history.versions.items():
        found = stored.transcript
        name = f"{id.recording} version {id.version}"
        if found is None:
            continue
        said = [s.event for s in events.get(id, []) if isinstance(s.event, Segment)]
        if found.segments != [_as_stored(segment) for segment in said]:
            yield Finding("transcript", f"{name} differs from its events")
        undisturbed = history.undisturbed.get(Asked(id.recording, stored.words))
        if undisturbed is not None:
            yield from _same(name, found, undisturbed)
    for stored in history.events:
        if isinstance(stored.event, Completed):
            version = history.versions.get(stored.id)
            if version is None or version.transcript is None:
                yield Finding("lost", f"{stored.event.transcript} is announced and not there")


def _same(name: str, found: Transcript, undisturbed: Undisturbed) -> Iterator[Finding]:
    for what, one, other in (
        ("text", found.text, undisturbed.text),
        ("segments", found.segments, list(undisturbed.segments)),
        ("language", found.language, undisturbed.language),
        ("duration", found.duration, undisturbed.duration),
    ):
        if one != other:
            yield Finding("transcript", f"{name}: its {what} is not that of an undisturbed run")


def decoded_again(history: History) -> Iterator[Finding]:
    """No more is decoded again than was handed in when a worker died; see `tests.chaos.bounds`."""
    starts = Counter(stored.id for stored in history.events if isinstance(stored.event, Started))
    again: Counter[VersionId] = Counter()
    for (recording, version, _), count in history.traces.decoded.items():
        again[VersionId(recording, version)] += count - 1
    for id, count in again.items():
        if count > OF_ONE * max(0, starts[id] - 1):
            yield Finding(
                "decoded again",
                f"{id.recording} version {id.version}: {count} chunks, with {starts[id]} starts",
            )
    if again.total() > OF_ALL * history.disturbances.interrupted:
        yield Finding(
            "decoded again",
            f"{again.total()} chunks, with {history.disturbances.interrupted} jobs interrupted",
        )


def _by_version(events: Sequence[StoredEvent]) -> Mapping[VersionId, list[StoredEvent]]:
    found: dict[VersionId, list[StoredEvent]] = defaultdict(list)
    for stored in events:
        if not isinstance(stored.event, Refused):
            found[stored.id].append(stored)
    return found


def _as_stored(segment: Segment) -> TranscriptSegment:
    return TranscriptSegment(
        index=segment.index,
        start=segment.start,
        end=segment.end,
        text=segment.text,
        confidence=segment.confidence,
        words=segment.words,
        no_speech=segment.no_speech,
    )


def _name(asked: Asked) -> str:
    return f"{asked.recording} {'with' if asked.words else 'without'} words"
