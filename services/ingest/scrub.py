"""Takes everything of one recording out of the streams and the store; done again, it does no harm.

What is deleted in a stream is overwritten too. The recording's own description goes last: as long
as it is there, somebody who looks finds that something is left.
"""

from shared import object_keys, subjects
from shared.bus import Bus
from shared.erasure import Tombstone, lives_again
from shared.object_store import ObjectStore
from shared.of_recording import of_recording
from shared.topology import DEAD, EVENTS, JOBS, SUBMIT, WEBHOOKS, Stream

_QUEUES = (SUBMIT, JOBS, DEAD, WEBHOOKS)


async def scrub_queues(bus: Bus, recording: str) -> int:
    """Erase what waits, or could not succeed, of a recording; returns how many messages.

    Raises BusUnavailable.
    """
    return await _erase(bus, await _waiting(bus, recording))


async def scrub_events(bus: Bus, recording: str, keep: int = 0) -> int:
    """Erase the events of a recording but for the one of the sequence `keep`.

    The latest goes first: whoever writes a version then loses its fence, and writes no more. What
    it wrote meanwhile is found by looking again. Raises BusUnavailable.
    """
    count = 0
    while found := [each for each in await _events(bus, recording) if each != keep]:
        for sequence in reversed(found):
            count += await bus.delete(EVENTS.name, sequence, erase=True)
    return count


async def scrub_store(store: ObjectStore, recording: str) -> int:
    """Delete every object of a recording; returns how many. Raises StoreUnavailable."""
    record = object_keys.record(recording)
    keys = [item.key async for item in store.list(object_keys.recording_prefix(recording))]
    for key in sorted(keys, key=lambda key: key == record):
        await store.delete(key)
    return len(keys)


async def sweep(store: ObjectStore, bus: Bus, stone: Tombstone) -> int:
    """Take away what came after a recording was erased, from somebody who did not know yet.

    Returns how much that was; nothing if the recording was sent anew. Raises Unavailable.
    """
    recording = stone.recording
    last = await bus.last(EVENTS.name, subjects.recording_events(recording, "deleted"))
    keep = last.sequence if last else 0
    waiting = await _waiting(bus, recording)
    events = [each for each in await _events(bus, recording) if each != keep]
    keys = [item.key async for item in store.list(object_keys.recording_prefix(recording))]
    # Only now, since reading takes a while: what is sent anew brings its description before its
    # events and its job, so that what was found above is not of that if this does not see it.
    if not (waiting or events or keys) or await lives_again(store, stone):
        return 0
    count = await _erase(bus, waiting)
    count += await scrub_events(bus, recording, keep) if events else 0
    return count + (await scrub_store(store, recording) if keys else 0)


async def _waiting(bus: Bus, recording: str) -> list[tuple[str, int]]:
    """Stream and sequence of each message that waits, or could not succeed."""
    return [
        (stream.name, sequence)
        for stream in _QUEUES
        for sequence in await _of(bus, stream, recording)
    ]


async def _erase(bus: Bus, found: list[tuple[str, int]]) -> int:
    return sum([await bus.delete(stream, sequence, erase=True) for stream, sequence in found])


async def _of(bus: Bus, stream: Stream, recording: str) -> list[int]:
    return [
        message.sequence
        async for batch in bus.read(stream.name, list(stream.subjects))
        for message in batch
        if of_recording(message.subject, message.headers, message.data) == recording
    ]


async def _events(bus: Bus, recording: str) -> list[int]:
    filters = [subjects.recording_events(recording)]
    return [m.sequence async for batch in bus.read(EVENTS.name, filters) for m in batch]
