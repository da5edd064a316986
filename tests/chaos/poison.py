"""Planted poison: what must end in the dead letters, each for its own reason, and nothing else."""

from collections.abc import Mapping, Sequence
from uuid import uuid4

from shared import subjects
from shared.bus import Bus, Message
from shared.object_store import ObjectStore
from shared.topology import lane_consumer
from tests.chaos.clips import Clip
from tests.chaos.producer import Producer
from tests.chaos.waiting import until

UNDECODABLE: Sequence[bytes] = (b"no JSON at all", b'{"recording": "half a job"}', b"\xff\xfe")


async def plant(
    missing: Clip, garbled: Clip, producer: Producer, bus: Bus, store: ObjectStore
) -> Mapping[str, str]:
    """Poison two recordings while no transcriber runs, and publish jobs that do not decode.

    Returns the code with which each recording must fail.
    """
    for clip in (missing, garbled):
        await producer.send(clip)
    lane = lane_consumer("live")

    async def queued() -> bool:
        return await bus.pending(lane) == 2

    await until(queued, "the poisoned recordings' jobs")
    async for item in store.list(audio_of(missing)):
        await store.delete(item.key)
    async for item in store.list(audio_of(garbled)):
        await store.put(item.key, b"no audio at all", content_type="audio/wav")
    for data in UNDECODABLE:
        await bus.publish(Message(subjects.job("live"), data, message_id=uuid4().hex))
    return {missing.recording: "object-missing", garbled.recording: "not-audio"}


def audio_of(clip: Clip) -> str:
    """The prefix of a clip's audio in the store."""
    return f"recordings/{clip.recording}/audio."
