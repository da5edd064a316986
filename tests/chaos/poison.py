"""Planted poison: what must end in the dead letters, each for its own reason, and nothing else."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from shared import subjects
from shared.bus import Bus, Message
from shared.object_store import ObjectStore
from shared.subjects import LANES
from shared.topology import lane_consumer
from tests.chaos.clips import Clip
from tests.chaos.history import DeadLetter
from tests.chaos.producer import Producer
from tests.chaos.waiting import until


class _Poison(NamedTuple):
    """A message, and what must become of it."""

    subject: str
    data: bytes
    letter: DeadLetter


_JOB = subjects.job("live")
_SUBMIT = subjects.submission("north-county", "fire")
_MESSAGES = (
    _Poison(_JOB, b"no JSON at all", DeadLetter("bad-message", None)),
    _Poison(_JOB, b'{"recording": "half a job"}', DeadLetter("bad-message", None)),
    _Poison(_JOB, b"\xff\xfe", DeadLetter("bad-message", None)),
    _Poison(_SUBMIT, b"no JSON either", DeadLetter("bad-message", None, "ingest")),
    _Poison(_SUBMIT, b'{"object": "../up.wav"}', DeadLetter("bad-input", None, "ingest")),
    _Poison(
        _SUBMIT,
        b'{"object": "inbox/nothing.wav"}',
        DeadLetter("object-missing", None, "ingest"),
    ),
)
PLANTED: Sequence[DeadLetter] = [poison.letter for poison in _MESSAGES]


async def plant(
    missing: Clip, garbled: Clip, producer: Producer, bus: Bus, store: ObjectStore
) -> Mapping[str, str]:
    """Poison two recordings while no transcriber runs, and publish messages that cannot be taken.

    Returns the code with which each recording must fail.
    """
    for clip in (missing, garbled):
        await producer.send(clip)

    async def queued() -> bool:
        # What is said of their channels decides on the lane.
        return sum([await bus.pending(lane_consumer(lane)) for lane in LANES]) == 2

    await until(queued, "the poisoned recordings' jobs")
    async for item in store.list(_audio_of(missing)):
        await store.delete(item.key)
    async for item in store.list(_audio_of(garbled)):
        await store.put(item.key, b"no audio at all", content_type="audio/wav")
    for poison in _MESSAGES:
        await bus.publish(Message(poison.subject, poison.data))
    return {missing.recording: "object-missing", garbled.recording: "not-audio"}


def _audio_of(clip: Clip) -> str:
    """The prefix of a clip's audio in the store."""
    return f"recordings/{clip.recording}/audio."
