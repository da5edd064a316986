"""All that was recorded of a run, as data for the checker."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from shared.channels import ChannelRecord
from shared.messages import (
    Event,
    Metadata,
    Recording,
    Refused,
    Transcript,
    TranscriptSegment,
)


class Asked(NamedTuple):
    """What an accepted upload asked for: a recording's transcript, with words or without."""

    recording: str
    words: bool


class Told(NamedTuple):
    """What somebody was told who waited for the text."""

    asked: Asked
    text: str
    door: str


class Sending(NamedTuple):
    """One attempt to send something."""

    door: str
    began: datetime
    metadata: Metadata
    """What the recording's metadata must hold if it came of this."""


class Said(NamedTuple):
    """What was said of a channel."""

    began: datetime
    """When it was said for the first time."""
    answered: datetime | None
    """When that was taken; None if it never was."""
    record: ChannelRecord


class Posted(NamedTuple):
    """A webhook as its receiver got it."""

    id: str
    type: str
    recording: str
    version: int
    text: str | None
    taken: bool
    """Whether it was answered with success."""
    signed: bool
    """Whether the signature was right."""


class VersionId(NamedTuple):
    """One version of one recording."""

    recording: str
    version: int


class Seen(NamedTuple):
    """An event as a client was sent it."""

    epoch: str
    sequence: int
    type: str
    recording: str
    version: int
    segment: int | None
    """Index of a segment."""


@dataclass(frozen=True)
class StoredEvent:
    """An event as the stream holds it."""

    sequence: int
    event: Event | Refused

    @property
    def id(self) -> VersionId:
        """Whose it is; a refusal is of no recording, and has an id of its own."""
        match self.event:
            case Refused(submission=id):
                return VersionId(id, 0)
            case event:
                return VersionId(event.recording, event.version)

    @property
    def type(self) -> str:
        """As clients are told it."""
        return "refused" if isinstance(self.event, Refused) else self.event.type


@dataclass(frozen=True)
class Filter:
    """What a client follows; an empty set stands for everything."""

    recordings: frozenset[str] = frozenset()
    sources: frozenset[str] = frozenset()
    channels: frozenset[str] = frozenset()
    types: frozenset[str] = frozenset()

    def wants(self, stored: StoredEvent) -> bool:
        """Whether the event is sent to the client."""
        pairs = (
            (self.recordings, stored.id.recording),
            (self.sources, stored.event.source),
            (self.channels, stored.event.channel),
            (self.types, stored.type),
        )
        return all(not allowed or value in allowed for allowed, value in pairs)


@dataclass
class Client:
    """What one SSE client saw, over all its connections."""

    name: str
    filter: Filter
    seen: list[Seen] = field(default_factory=list[Seen])
    gaps: list[str] = field(default_factory=list[str])
    """Reason of each `gap` event."""
    connections: int = 0


@dataclass(frozen=True)
class StoredVersion:
    """What the store holds of a version."""

    words: bool
    """As asked for in `request.json`."""
    transcript: Transcript | None


@dataclass(frozen=True)
class Undisturbed:
    """A transcript of which nothing disturbed the making."""

    segments: Sequence[TranscriptSegment]
    text: str
    language: str | None
    duration: float


@dataclass(frozen=True)
class DeadLetter:
    """One message in DEAD."""

    code: str
    recording: str | None
    """None if it is no job that decodes."""
    service: str = "transcriber"
    """Who put it there."""


@dataclass(frozen=True)
class Traces:
    """What the transcribers' logs tell."""

    decoded: Mapping[tuple[str, int, int], int] = field(
        default_factory=dict[tuple[str, int, int], int]
    )
    """How often each chunk (recording, version, number) was given to the model."""
    fenced: int = 0
    """Publishes that the fence refused."""
    redelivered: int = 0
    """Deliveries of a job after its first."""

    @property
    def decoded_in_all(self) -> int:
        """Chunks that were given to the model."""
        return sum(self.decoded.values())


@dataclass(frozen=True)
class Leftovers:
    """What the servers and the spool hold once everything is done."""

    spool: Sequence[str] = ()
    """Files, but for its lock."""
    messages: Mapping[str, int] = field(default_factory=dict[str, int])
    """How many the queues SUBMIT and JOBS hold."""
    consumers: Mapping[str, Sequence[str]] = field(default_factory=dict[str, Sequence[str]])
    """Names of the consumers of each stream."""
    connections: Sequence[str] = ()
    """Names of the clients that NATS has."""
    folder: Sequence[str] = ()
    """Files that are still in the watched folder, or were refused."""


@dataclass(frozen=True)
class Disturbances:
    """What was done, as far as it bears on what may happen."""

    interrupted: int = 0
    """Jobs in hand that were torn from their worker at most."""
    pauses: int = 0
    """Workers that slept while their job became another's."""
    impolite: Sequence[str] = ()
    """Services that did not end as they should when asked to."""


@dataclass(frozen=True)
class History:
    """A whole run."""

    accepted: frozenset[Asked]
    not_accepted: Sequence[str]
    """What ended an upload that was never accepted."""
    poisoned: Mapping[str, str]
    """The code with which each planted recording must fail."""
    planted: Sequence[DeadLetter]
    """Planted messages, as they must be in DEAD."""
    epoch: str
    events: Sequence[StoredEvent]
    dead: Sequence[DeadLetter]
    clients: Sequence[Client]
    objects: frozenset[str]
    """Every key in the bucket."""
    versions: Mapping[VersionId, StoredVersion]
    wrong: Sequence[str] = ()
    """What was wrong with answers."""
    told: Sequence[Told] = ()
    """Texts that senders were told."""
    sent: Mapping[Asked, Sequence[Sending]] = field(default_factory=dict[Asked, Sequence[Sending]])
    """By which doors each was sent, whatever came of it."""
    recordings: Mapping[str, Recording] = field(default_factory=dict[str, Recording])
    """What the store holds of each recording, by its id."""
    said: Sequence[Said] = ()
    """What was said of channels, in order."""
    channels: Sequence[ChannelRecord] = ()
    """What the bucket of channels holds at the end."""
    posts: Sequence[Posted] = ()
    """What the receiver of webhooks got."""
    receiver: str | None = None
    """Its id; None if there was none."""
    undisturbed: Mapping[Asked, Undisturbed] = field(default_factory=dict[Asked, Undisturbed])
    traces: Traces = Traces()
    leftovers: Leftovers = Leftovers()
    disturbances: Disturbances = Disturbances()
