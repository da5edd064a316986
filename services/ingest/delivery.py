"""Brings one entry to store and bus, from whatever point an earlier attempt has reached.

    audio → recording.json → request.json → queued → job

Each step is harmless when done again, so nothing is remembered between them.
"""

from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from services.ingest.entry import Entry, Forwarded, Refused
from services.ingest.versions import Claim, claim
from shared import object_keys, subjects
from shared.bus import Bus
from shared.envelope import PRODUCER, job_message, producer
from shared.erasure import read
from shared.errors import FenceLost
from shared.messages import Event, Recording, encode
from shared.object_store import ObjectStore
from shared.telemetry import produce
from shared.topology import EVENTS
from shared.writer import VersionWriter

SERVICE = "ingest"
_PATIENCE = 5.0
"""Seconds for which a publish is tried again before the entry has to wait for its next turn."""

Step = Literal["announce", "publish", "nothing"]


@dataclass(frozen=True)
class LastEvent:
    """The last that was said of a version."""

    type: str
    sequence: int
    by_ingest: bool = False
    """Whether ingest said it, as of what the store refused."""


def next_step(ours: bool, last: LastEvent | None, has_transcript: bool) -> Step:
    """What is left to do for a version whose number is claimed.

    `ours`: this entry claimed it, so that nobody else will finish what is missing. `last`: the
    version's last event, None if there is none. `has_transcript`: its transcript is in the store;
    events age out, so that a version without any may still be an old one.
    """
    match last:
        case None if has_transcript:
            return "nothing"
        case None:
            return "announce"
        case LastEvent("failed", by_ingest=True):
            # It never had a job, and what the store refused then it has taken now.
            return "announce"
        case LastEvent("queued") if ours:
            # The crash came before the job's acknowledgment was noted: it may be published or not.
            return "publish"
        case _:
            return "nothing"


async def store_audio(
    store: ObjectStore, entry: Entry, audio: Path, *, anew: bool = False
) -> Claim:
    """Store audio and description, if the entry brings them, and claim the version's number.

    `anew`: the recording was erased before it was sent; a description that is there is an old one.
    Raises Unavailable, or CannotSucceed if the store refuses.
    """
    if entry.ordered is None:
        await _store_recording(store, entry, audio, anew)
    return await claim(store, entry)


async def _store_recording(store: ObjectStore, entry: Entry, audio: Path, anew: bool) -> None:
    recording = entry.recording
    stored = await store.stat(recording.audio)
    if stored is None or stored.size != recording.size:
        await store.put_file(recording.audio, audio, content_type=entry.content_type)
    key, described = object_keys.record(recording.id), encode(recording)
    if anew:
        found = await read(store, key, Recording)
        if found is None or found.received < recording.received:
            await store.put(key, described)
    else:
        await store.put_if_absent(key, described)


@dataclass(frozen=True)
class Delivery:
    """Where versions are announced."""

    store: ObjectStore
    bus: Bus

    async def publish(self, entry: Entry, claimed: Claim, *, anew: bool = False) -> Forwarded:
        """Announce the version and publish its job, unless that was done; `anew` as above.

        Raises Unavailable.
        """
        step, last = await self._next_step(entry, claimed)
        if step == "announce":
            step = await self._announce(entry, claimed, last)
        if step == "publish":
            await self._publish_job(entry, claimed.version, anew)
        return Forwarded(version=claimed.version, known=not claimed.ours, time=datetime.now(UTC))

    async def _next_step(self, entry: Entry, claimed: Claim) -> tuple[Step, LastEvent | None]:
        last = await _last(self.bus, entry, claimed.version)
        key = object_keys.transcript(entry.recording.id, claimed.version)
        has_transcript = last is None and await self.store.stat(key) is not None
        return next_step(claimed.ours, last, has_transcript), last

    async def _announce(self, entry: Entry, claimed: Claim, last: LastEvent | None) -> Step:
        try:
            await _publish(self.bus, entry.queued(claimed.version, datetime.now(UTC)), last)
        except FenceLost:
            # Another ingest with the same recording announced it since we looked.
            step, _ = await self._next_step(entry, claimed)
            return step
        return "publish"

    async def _publish_job(self, entry: Entry, version: int, anew: bool) -> None:
        job = entry.job(version)
        again = f"-{entry.asked.timestamp():.6f}" if anew else ""
        with produce(subjects.job(job.lane)):
            await self.bus.publish(job_message(job, again))


async def fail(bus: Bus, entry: Entry, version: int | None, why: Refused) -> None:
    """Say that an entry was refused, so that nobody waits for its version for ever.

    `version`: its number, None if none was claimed: then an upload's is the first, unless
    something was said of that one; which one an order would have become nobody knows, and
    nobody waits for. Raises Unavailable.
    """
    if version is None and entry.ordered is not None:
        return
    last = await _last(bus, entry, version or 1)
    waits = last is None or (version is not None and last.type == "queued")
    if waits:
        with suppress(FenceLost):
            await _publish(bus, entry.failed(version or 1, why), last)


async def _last(bus: Bus, entry: Entry, version: int) -> LastEvent | None:
    recording = entry.recording
    scope = subjects.version_events(recording.source, recording.channel, recording.id, version)
    found = await bus.last(EVENTS.name, scope)
    if found is None:
        return None
    by_ingest = found.headers.get(PRODUCER) == producer(SERVICE)
    return LastEvent(subjects.parse_event(found.subject).type, found.sequence, by_ingest)


async def _publish(bus: Bus, event: Event, last: LastEvent | None) -> None:
    """Say something of a version after the last that was said. Raises FenceLost."""
    writer = VersionWriter(
        bus,
        event.source,
        event.channel,
        event.recording,
        event.version,
        last.sequence if last else 0,
        patience=_PATIENCE,
        service=SERVICE,
    )
    subject = subjects.event(
        event.source, event.channel, event.recording, event.version, event.type
    )
    with produce(subject):
        await writer.publish(event)
