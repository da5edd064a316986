"""Replays a dead letter: its job is queued again, once, whoever replays it however often.

    queued (by the fence, with the replay's own id) → job (new message id) → letter dropped

Both ids are made of the letter's place in DEAD, so that whoever replays it again, at the same time
or after a crash, finds what was done. The message id alone would not do: the server forgets it.
`queued` comes before the job, since a worker drops a job whose version has failed.
"""

import asyncio
from contextlib import suppress
from datetime import UTC, datetime
from typing import Literal

from services.ingest.dead_letters import Letter, next_step
from shared import subjects
from shared.bus import Bus, Fence, Message, StoredMessage
from shared.envelope import ID, event_message
from shared.errors import BadMessage, BusUnavailable, CannotSucceed, FenceLost
from shared.messages import Job, Queued, decode
from shared.topology import DEAD, EVENTS, JOBS

_TRIES = 40
_STALE_READ = 0.05
"""Seconds until a replica that lags behind is read again."""
_TRACE = ("traceparent", "tracestate")

Outcome = Literal["replayed", "known", "completed", "busy"]
"""`known`: it was replayed before, and only dropped now. `completed`: its version has a transcript,
so that it was only dropped. `busy`: its version is queued or worked on; it was left alone."""


async def replay(bus: Bus, letter: Letter) -> Outcome:
    """Have a letter's message done again, and drop the letter.

    Raises BusUnavailable, after which it may be replayed again; CannotSucceed if it does not say
    where it belongs.
    """
    epoch = (await bus.state(DEAD.name)).epoch
    id = f"replay-{epoch}-{letter.sequence}"
    outcome = await _prepare(bus, letter.job, letter, id) if letter.job else "publish"
    if outcome == "busy":
        return outcome
    if outcome == "publish":
        published = await bus.publish(_message(letter, id))
        outcome = "known" if published.duplicate else "replayed"
    await drop(bus, letter)
    return outcome


async def drop(bus: Bus, letter: Letter) -> bool:
    """Remove a letter; False if it was gone already. Raises BusUnavailable."""
    return await bus.delete(DEAD.name, letter.sequence)


async def _prepare(
    bus: Bus, job: Job, letter: Letter, id: str
) -> Literal["publish", "known", "completed", "busy"]:
    """Bring the version to where its job is wanted; tells whether to publish it."""
    scope = subjects.version_events(job.source, job.channel, job.recording, job.version)
    for _ in range(_TRIES):
        # Before its events are read: whoever has removed the job since has said its end before.
        waits = await _waits(bus, job)
        events = await _events(bus, scope)
        match next_step(events, id, waits=waits):
            case "queue":
                fence = Fence(scope, events[-1].sequence if events else 0)
                try:
                    await bus.publish(_queued(job, letter, id), fence)
                except FenceLost:
                    # Somebody else wrote since we looked, or a copy of the stream lags behind.
                    await asyncio.sleep(_STALE_READ)
                    continue
                return "publish"
            case "taken":
                return "known"
            case "publish" | "completed" | "busy" as step:
                return step
    raise BusUnavailable(f"{scope}: what was written is not to be read")


async def _waits(bus: Bus, job: Job) -> bool:
    """Whether a job of the version is in the queue, or in somebody's hand."""
    async for batch in bus.read(JOBS.name, [subjects.job(job.lane)]):
        for message in batch:
            with suppress(BadMessage):
                found = decode(message.data, Job)
                if (found.recording, found.version) == (job.recording, job.version):
                    return True
    return False


async def _events(bus: Bus, scope: str) -> list[StoredMessage]:
    return [message async for batch in bus.read(EVENTS.name, [scope]) for message in batch]


def _queued(job: Job, letter: Letter, id: str) -> Message:
    event = Queued(
        recording=job.recording,
        version=job.version,
        source=job.source,
        channel=job.channel,
        time=datetime.now(UTC),
        metadata=job.metadata,
        correlation_id=job.correlation_id,
        lane=job.lane,
        duration=job.duration,
        options=job.options,
    )
    message = event_message(event)
    trace = {name: letter.headers[name] for name in _TRACE if name in letter.headers}
    return Message(message.subject, message.data, {**message.headers, **trace, ID: id})


def _message(letter: Letter, id: str) -> Message:
    try:
        return Message(letter.subject, letter.data, letter.headers, id)
    except ValueError:
        raise CannotSucceed(
            f"dead letter {letter.sequence} does not say where it belongs ({letter.subject!r})"
        ) from None
