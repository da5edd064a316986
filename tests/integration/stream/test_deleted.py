"""What was deleted: 410 with the reason, an event for readers, and no replay of its words."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from httpx_sse import ServerSentEvent

from shared import object_keys, subjects
from shared.bus import Bus
from shared.envelope import deleted_message
from shared.erasure import Forgotten, Tombstone, bury
from shared.keeping import What
from shared.messages import Deleted, encode
from shared.s3_store import S3Store
from shared.topology import EVENTS
from tests.support.calls import Call
from tests.support.stream import Running, fields, reading

pytestmark = pytest.mark.servers

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)


async def announce(bus: Bus, call: Call, what: What = "all") -> None:
    event = Deleted(
        recording=call.recording,
        source=call.source,
        channel=call.channel,
        time=datetime.now(UTC),
        what=what,
        reason="request",
    )
    await bus.publish(deleted_message(event))


async def erase_events(bus: Bus, call: Call, below: int) -> None:
    filters = [subjects.recording_events(call.recording)]
    found = [m.sequence async for b in bus.read(EVENTS.name, filters) for m in b]
    for sequence in found:
        if sequence < below:
            await bus.delete(EVENTS.name, sequence, erase=True)


async def test_what_was_erased_is_gone_for_a_reason(
    store: S3Store, bus: Bus, stream: Running
) -> None:
    call = Call(bus)
    await bury(store, Tombstone(recording=call.recording, time=NOW, reason="age"))
    for path in ("", "/transcript.json?version=1", "/transcript.vtt", "/audio"):
        answer = await stream.http.get(f"/v1/recordings/{call.recording}{path}")
        assert answer.status_code == 410
        problem = answer.json()
        assert problem["type"] == "urn:echobase:deleted"
        assert problem["detail"] == (
            "The recording was deleted on 2026-05-01: it was older than what is kept."
        )


async def test_audio_that_was_forgotten_leaves_the_transcript(
    store: S3Store, bus: Bus, stream: Running
) -> None:
    call = Call(bus)
    record = await call.store_recording(store)
    await call.store_request(store)
    await call.store_transcript(store, "Engine seven")
    path = f"/v1/recordings/{call.recording}"
    await store.delete(record.audio)
    assert (await stream.http.get(f"{path}/audio")).status_code == 404
    forgotten = Forgotten(time=NOW, reason="size")
    await store.put(object_keys.forgotten(call.recording), encode(forgotten))
    await announce(bus, call, "audio")
    answer = await stream.http.get(f"{path}/audio")
    assert answer.status_code == 410
    assert answer.json()["detail"] == (
        "The audio was deleted on 2026-05-01: more was stored than is kept."
    )
    assert (await stream.http.get(f"{path}/transcript.txt")).text.strip() == "Engine seven"
    # The event is of the recording, not of a version.
    versions = (await stream.http.get(path)).json()["versions"]
    assert [each["version"] for each in versions] == [1]


async def test_readers_are_told_and_nobody_is_given_the_words_again(
    bus: Bus, stream: Running, tmp_path: Path
) -> None:
    call, other = Call(bus), Call(bus)
    async with reading(stream.http, "type=segment&type=deleted") as reader:
        await call.whole("Secret words")
        await other.whole("Other words")
        assert [event.event for event in await reader.take(2)] == ["segment", "segment"]
        await announce(bus, call)
        last = await reader.next()
        assert (last.event, fields(last)["recording"]) == ("deleted", call.recording)
        await erase_events(bus, call, int(last.id.rpartition("-")[2]))
    # From the ring, from the recording's first event, and from the stream's.
    epoch = last.id.rpartition("-")[0]
    for query in (f"recording={call.recording}", f"last_event_id={epoch}-0"):
        async with reading(stream.http, query) as again:
            found: list[ServerSentEvent] = []
            while not found or found[-1].event != "deleted":
                found.append(await again.next())
        assert not any("Secret words" in event.data for event in found)
