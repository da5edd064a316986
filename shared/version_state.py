"""What is known of a version: a pure fold over its events, in their order."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, replace

from shared import subjects
from shared.bus import Bus, StoredMessage
from shared.errors import BadMessage
from shared.messages import (
    Completed,
    Corrected,
    Event,
    Failed,
    Queued,
    Segment,
    Started,
    decode_event,
)
from shared.topology import EVENTS


@dataclass(frozen=True)
class VersionState:
    """A version after some of its events."""

    queued: Queued | None = None
    starts: tuple[Started, ...] = ()
    """Every `started`, the first of which froze the plan."""
    segments: tuple[Segment, ...] = ()
    """In order of their index."""
    completed: Completed | None = None
    corrected: Corrected | None = None
    """The only event of a version that was made by hand."""
    failed: Failed | None = None
    """Why it failed; none again once it was queued (by a replay of its dead letter) or started."""
    waiting: bool = False
    """Whether it was queued last, and nobody has started it since."""
    last_sequence: int = 0
    """Sequence of its last event, which is what its writer's fence holds; 0 if there is none."""
    attempts_without_progress: int = 0
    """How many `started` came last, one after another, with nothing after them."""

    @property
    def chunks_done(self) -> int:
        """Index of the chunk to decode next: one more than the last with stored segments."""
        return self.segments[-1].chunk + 1 if self.segments else 0

    @property
    def finished(self) -> bool:
        """Whether nothing more will come by itself."""
        return any((self.completed, self.corrected, self.failed))


def fold(state: VersionState, event: Event, sequence: int) -> VersionState:
    """The state after one more event, which has the given sequence in the stream."""
    match event:
        case Queued():
            return replace(
                state,
                queued=event,
                failed=None,
                waiting=True,
                attempts_without_progress=0,
                last_sequence=sequence,
            )
        case Started():
            return replace(
                state,
                starts=(*state.starts, event),
                failed=None,
                waiting=False,
                attempts_without_progress=state.attempts_without_progress + 1,
                last_sequence=sequence,
            )
        case Segment():
            return replace(
                state,
                segments=(*state.segments, event),
                attempts_without_progress=0,
                last_sequence=sequence,
            )
        case Completed():
            return replace(
                state, completed=event, attempts_without_progress=0, last_sequence=sequence
            )
        case Corrected():
            return replace(state, corrected=event, last_sequence=sequence)
        case Failed():
            return replace(state, failed=event, attempts_without_progress=0, last_sequence=sequence)


def fold_message(state: VersionState, message: StoredMessage) -> VersionState:
    """The state after one more message; of one that we do not understand only the sequence counts.

    A later release may add types of events: the fence holds over them too.
    """
    try:
        return fold(state, decode_event(message.data), message.sequence)
    except BadMessage:
        return replace(state, last_sequence=message.sequence)


async def read_version(
    bus: Bus, source: str, channel: str, recording: str, version: int
) -> VersionState:
    """The state of one version as the stream holds it now.

    Raises BusUnavailable.
    """
    state = VersionState()
    async for message in _read(bus, subjects.version_events(source, channel, recording, version)):
        state = fold_message(state, message)
    return state


async def read_recording(bus: Bus, recording: str) -> dict[int, VersionState]:
    """The state of each version of a recording, by its number, as the stream holds them now.

    Raises BusUnavailable.
    """
    states: dict[int, VersionState] = {}
    async for message in _read(bus, subjects.recording_events(recording)):
        version = subjects.parse_event(message.subject).version
        if version == 0:  # of the recording itself
            continue
        states[version] = fold_message(states.get(version, VersionState()), message)
    return states


async def _read(bus: Bus, filter_subject: str) -> AsyncIterator[StoredMessage]:
    batch: Sequence[StoredMessage]
    async for batch in bus.read(EVENTS.name, [filter_subject]):
        for message in batch:
            yield message
