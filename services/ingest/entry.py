"""What the spool keeps of a request beside its audio, and what is known of it in memory."""

import asyncio
import hashlib
from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from shared.messages import Failed, Job, Options, Queued, Recording, VersionRequest
from shared.subjects import LANES, Lane


class Entry(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A recording and what is to be made of it, as `entry.json` keeps it.

    It brings the recording's audio, unless it asks for another version of one that is in the store.
    """

    recording: Annotated[Recording, Meta(description="As it will be stored")]
    lane: Annotated[Lane, Meta(description="Lane of its job")]
    options: Annotated[Options, Meta(description="As asked for")]
    correlation_id: Annotated[str | None, Meta(description="The submitter's own id")] = None
    content_type: Annotated[str, Meta(description="Of the audio file")]
    trace: Annotated[dict[str, str], Meta(description="Trace of the request, as W3C headers")] = {}
    ordered: Annotated[
        datetime | None,
        Meta(description="When another version was asked for; null if it brings the audio"),
    ] = None
    published: Annotated[
        datetime | None,
        Meta(
            description="When the message that brought it was published, or the watched file that"
            " did was written"
        ),
    ] = None

    @property
    def key(self) -> str:
        """The same for the same recording with the same options: its folder's name."""
        options = hashlib.sha256(msgspec.json.encode(self.options, order="deterministic"))
        return f"{self.recording.id}-{options.hexdigest()[:16]}"

    @property
    def asked(self) -> datetime:
        """When it was accepted."""
        return self.ordered or self.recording.received

    @property
    def since(self) -> datetime:
        """When it was sent: an erasure at this time or later is of this entry too."""
        return min(self.published or self.asked, self.asked)

    @property
    def audio_size(self) -> int:
        """Bytes of the audio that it brings."""
        return self.recording.size if self.ordered is None else 0

    @property
    def priority(self) -> tuple[int, datetime]:
        """Urgent before live before backfill, then the older first."""
        return LANES.index(self.lane), self.asked

    def request(self, version: int) -> VersionRequest:
        """The claim to a version's number. Its time tells whose claim it is."""
        return VersionRequest(
            recording=self.recording.id,
            version=version,
            lane=self.lane,
            options=self.options,
            requested=self.asked,
            correlation_id=self.correlation_id,
        )

    def queued(self, version: int, time: datetime) -> Queued:
        """The event that announces the version."""
        recording = self.recording
        return Queued(
            time=time,
            recording=recording.id,
            version=version,
            source=recording.source,
            channel=recording.channel,
            metadata=recording.metadata,
            correlation_id=self.correlation_id,
            lane=self.lane,
            duration=recording.duration,
            options=self.options,
        )

    def failed(self, version: int, why: "Refused") -> Failed:
        """The event that says that the version will not come by itself."""
        recording = self.recording
        return Failed(
            time=why.time,
            recording=recording.id,
            version=version,
            source=recording.source,
            channel=recording.channel,
            metadata=recording.metadata,
            correlation_id=self.correlation_id,
            code=why.code,
            reason=why.reason,
        )

    def job(self, version: int) -> Job:
        """The job that makes the version."""
        recording = self.recording
        return Job(
            recording=recording.id,
            version=version,
            source=recording.source,
            channel=recording.channel,
            lane=self.lane,
            audio=recording.audio,
            duration=recording.duration,
            options=self.options,
            metadata=recording.metadata,
            correlation_id=self.correlation_id,
        )


class Forwarded(Struct, frozen=True, kw_only=True):
    """The marker of an entry that needs no more work, as `forwarded.json` keeps it."""

    version: Annotated[int, Meta(description="The version that the recording has become")]
    known: Annotated[bool, Meta(description="Whether that version existed before")]
    time: Annotated[datetime, Meta(description="When its job was acknowledged")]


class Refused(Struct, frozen=True, kw_only=True):
    """Why an entry cannot be forwarded, as `refused.json` keeps it."""

    code: Annotated[str, Meta(description="A stable word for programs; see `shared.errors`")]
    reason: Annotated[str, Meta(description="A sentence for people")]
    time: Annotated[datetime, Meta(description="When it was refused")]


@dataclass(frozen=True)
class Refusal:
    """An entry that was put aside, as it lies in the spool."""

    key: str
    """Its folder's name, by which people name it."""
    size: int
    """Bytes that it takes."""
    why: Refused
    entry: Entry | None
    """What it is; None if that cannot be read."""


@dataclass(eq=False)
class Held:
    """An entry in the spool, and how far it has come."""

    entry: Entry
    size: int
    """Bytes that it takes."""
    version: int | None = None
    """Its version's number, once that is known."""
    known: bool = False
    """Whether the version existed before this entry came."""
    forwarded: datetime | None = None
    refused: Refused | None = None
    attempts: int = 0
    """How often forwarding it failed."""
    error: str = ""
    """Why it failed last."""
    erased: bool = False
    """Whether its recording was erased: nothing comes of it any more."""
    settled: asyncio.Event = field(default_factory=asyncio.Event)
    """Set once the version is known, or forwarding was tried in vain: no use in waiting."""

    @property
    def waiting(self) -> bool:
        """Whether it still has to be forwarded."""
        return self.forwarded is None and self.refused is None

    def claimed(self, version: int, known: bool) -> None:
        """Its version's number is known now."""
        self.version = version
        self.known = known
        self.settled.set()
