"""The dead letters, as the stream DEAD holds them: what each is, and what is left to do for it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from shared import envelope
from shared.bus import Bus, StoredMessage
from shared.errors import BadMessage
from shared.messages import Job, decode
from shared.subjects import parse_event
from shared.topology import DEAD, JOBS


@dataclass(frozen=True)
class Letter:
    """A message that could not succeed, and why."""

    sequence: int
    """Its place in DEAD, by which people name it."""
    service: str
    """Who gave it up."""
    code: str
    reason: str
    time: str
    """When it was given up, RFC 3339."""
    subject: str
    """Subject of the original message."""
    headers: Mapping[str, str]
    """Headers of the original message, without those of JetStream's own."""
    data: bytes
    """Payload of the original message."""
    job: Job | None
    """The job that the payload holds; None if it holds none."""


def read_letter(message: StoredMessage) -> Letter:
    """The letter that a message of DEAD is; whatever it lacks is empty."""
    headers = message.headers
    subject = headers.get(envelope.DEAD_SUBJECT, "")
    return Letter(
        sequence=message.sequence,
        service=message.subject.rpartition(".")[2],
        code=headers.get(envelope.DEAD_CODE, ""),
        reason=envelope.percent_decode(headers.get(envelope.DEAD_REASON, "")),
        time=headers.get(envelope.DEAD_TIME, ""),
        subject=subject,
        headers=_original(headers),
        data=message.data,
        job=_job(message.data) if subject in JOBS.subjects else None,
    )


async def letter(bus: Bus, sequence: int) -> Letter | None:
    """One dead letter; None if there is none of that sequence. Raises BusUnavailable."""
    message = await bus.get(DEAD.name, sequence)
    return None if message is None else read_letter(message)


async def letters(bus: Bus) -> list[Letter]:
    """Every dead letter, the oldest first. Raises BusUnavailable."""
    found: list[Letter] = []
    async for batch in bus.read(DEAD.name, list(DEAD.subjects)):
        found += [read_letter(message) for message in batch]
    return found


Step = Literal["queue", "publish", "taken", "completed", "busy"]


def next_step(events: Sequence[StoredMessage], replay: str, *, waits: bool) -> Step:
    """What is left of a replay, from the events of the job's version.

    `replay` is the id of the replay's own `queued` event, the same whoever replays the letter;
    `waits` tells whether the version's job was in the queue before the events were read:

    - `queue`: the version has failed, or its events or its job are gone: say that it is queued
    - `publish`: that was said, and nothing came after it: the job may be published or not
    - `taken`: somebody has begun since; the job was published
    - `completed`: there is a transcript
    - `busy`: its job is still queued, or another letter was replayed
    """
    types = [parse_event(message.subject).type for message in events]
    if "completed" in types:
        return "completed"
    said = [message.headers.get(envelope.ID) == replay for message in events]
    if any(said):
        return "publish" if said[-1] else "taken"
    if not types or types[-1] == "failed":
        return "queue"
    # Without a job nobody will say the end, even if the queue was lost before `failed` was said.
    return "busy" if waits else "queue"


def _original(headers: Mapping[str, str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, value in headers.items():
        if name.startswith(envelope.ORIGINAL):
            original = name.removeprefix(envelope.ORIGINAL)
            # With its old message id it would be dropped as known, by an old fence refused.
            if not original.lower().startswith("nats-"):
                found[original] = value
    return found


def _job(data: bytes) -> Job | None:
    try:
        return decode(data, Job)
    except BadMessage:
        return None
