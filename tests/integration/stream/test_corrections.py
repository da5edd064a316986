"""Corrections by hand, in a real store and on a real bus."""

import asyncio
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest

from shared import object_keys
from shared.bus import Bus
from shared.messages import (
    Corrected,
    Options,
    Transcript,
    VersionRequest,
    decode,
    decode_event,
    encode,
)
from shared.nats_bus import connect
from shared.s3_store import S3Store
from shared.subjects import recording_events
from shared.topology import EVENTS, topology
from tests.support.calls import Call
from tests.support.servers import NatsFixture
from tests.support.stream import Running, fields, reading, running, until, until_known, until_ready

pytestmark = pytest.mark.servers


@pytest.fixture
async def call(store: S3Store, bus: Bus, stream: Running) -> Call:
    """A recording with a transcript of two segments, in the history."""
    found = Call(bus)
    await found.store_recording(store)
    await found.store_request(store)
    await found.store_transcript(store, "Engine heaven", "Copy")
    await found.whole("Engine heaven", "Copy")
    await until_known(stream, found.recording)
    return found


async def patch(stream: Running, call: Call, **body: object) -> httpx.Response:
    headers = {"If-Match": str(body.pop("if_match"))} if "if_match" in body else {}
    path = f"/v1/recordings/{call.recording}/transcript"
    return await stream.http.patch(path, json={"segments": [], **body}, headers=headers)


async def corrected_events(bus: Bus, call: Call) -> list[Corrected]:
    found = [
        decode_event(message.data)
        async for batch in bus.read(EVENTS.name, [recording_events(call.recording, "corrected")])
        for message in batch
    ]
    return [each for each in found if isinstance(each, Corrected)]


async def test_a_correction_is_a_version_an_event_and_found_at_once(
    store: S3Store, bus: Bus, stream: Running, call: Call
) -> None:
    before = await store.get(object_keys.transcript(call.recording, 1))
    async with reading(stream.http, "type=corrected") as reader:
        answer = await patch(
            stream, call, base=1, by="kb", segments=[{"index": 0, "text": "Engine seven"}]
        )
        assert answer.status_code == 201
        said = answer.json()
        assert (said["version"], said["base"], said["by"]) == (2, 1, "kb")
        assert answer.headers["etag"] == '"2"'
        # At once: the list does not wait for the event.
        [found] = (await stream.http.get("/v1/recordings?q=seven")).json()["recordings"]
        assert (found["version"], found["corrected"], found["needs_review"]) == (2, True, False)
        assert not (await stream.http.get("/v1/recordings?q=heaven")).json()["recordings"]
        event = fields(await reader.next())
    assert event["recording"] == call.recording
    assert (event["version"], event["base"], event["by"]) == (2, 1, "kb")
    assert await store.get(object_keys.transcript(call.recording, 1)) == before
    made = decode(await store.get(object_keys.transcript(call.recording, 2)), Transcript)
    assert (made.text, made.version) == ("Engine seven Copy", 2)
    shown = await stream.http.get(f"/v1/recordings/{call.recording}/transcript.txt")
    assert shown.text == "Engine seven\nCopy\n"
    versions = (await stream.http.get(f"/v1/recordings/{call.recording}/versions")).json()
    assert [(v["version"], v["kind"], v["status"]) for v in versions] == [
        (1, "model", "completed"),
        (2, "correction", "completed"),
    ]
    assert versions[1]["request"]["correction"]["by"] == "kb"
    rates = (await stream.http.get("/v1/stats/wer")).json()["rates"]
    assert [(r["model"], r["words"], r["substitutions"], r["wer"]) for r in rates] == [
        ("demo", 3, 1, 0.333333)
    ]


async def test_tsv(stream: Running, call: Call) -> None:
    answer = await stream.http.get(f"/v1/recordings/{call.recording}/transcript.tsv")
    assert answer.headers["content-type"] == "text/tab-separated-values; charset=utf-8"
    assert answer.text == "start\tend\ttext\n0\t1500\tEngine heaven\n2000\t3500\tCopy\n"


async def test_who_did_not_see_the_latest_correction_is_told(stream: Running, call: Call) -> None:
    first = await patch(stream, call, base=1, segments=[{"index": 0, "text": "A"}], by="ann")
    assert first.status_code == 201
    second = await patch(stream, call, base=1, segments=[{"index": 0, "text": "B"}])
    assert (second.status_code, second.json()["type"]) == (409, "urn:echobase:conflict")
    assert "ann" in second.json()["detail"]
    # The very same, as after an answer that was lost.
    again = await patch(stream, call, base=1, segments=[{"index": 0, "text": "A"}], by="ann")
    assert (again.status_code, again.json()) == (201, first.json())
    etag = (await stream.http.get(f"/v1/recordings/{call.recording}/transcript.json")).headers[
        "etag"
    ]
    assert etag == '"2"'
    third = await patch(stream, call, if_match=etag, segments=[{"index": 0, "text": "B"}])
    assert (third.status_code, third.json()["version"]) == (201, 3)
    stale = await patch(stream, call, if_match='"1"')
    assert stale.status_code == 409


async def test_many_at_once_store_one_each(bus: Bus, stream: Running, call: Call) -> None:
    answers = await asyncio.gather(
        *(patch(stream, call, base=1, segments=[{"index": 0, "text": f"t{n}"}]) for n in range(6))
    )
    assert sorted(answer.status_code for answer in answers) == [201] + [409] * 5

    async def holds() -> bool:
        return len(await corrected_events(bus, call)) == 1

    await until(holds)


@pytest.mark.parametrize(
    ("body", "status", "field"),
    [
        ({}, 400, "base"),
        ({"base": 1, "if_match": "x"}, 400, "If-Match"),
        ({"base": 1, "segments": [{"index": 9, "text": "x"}]}, 400, "segments"),
        ({"base": 1, "segments": [{"text": "x"}]}, 400, "segments"),
        ({"base": 1, "colour": "red"}, 400, None),
        ({"base": 2}, 404, None),
        ({"base": 1, "if_match": '"2"'}, 409, None),
    ],
)
async def test_what_is_no_correction_is_refused(
    stream: Running, call: Call, body: dict[str, object], status: int, field: str | None
) -> None:
    answer = await patch(stream, call, **body)
    assert answer.status_code == status
    assert field is None or answer.json()["field"] == field
    versions = (await stream.http.get(f"/v1/recordings/{call.recording}/versions")).json()
    assert len(versions) == 1


async def test_what_a_model_makes_later_does_not_hide_it(
    store: S3Store, bus: Bus, stream: Running, call: Call
) -> None:
    await patch(stream, call, base=1, segments=[{"index": 0, "text": "By hand"}])
    later = Call(bus, recording=call.recording, version=3)
    request = VersionRequest(
        recording=call.recording,
        version=3,
        lane="live",
        options=Options(model="large"),
        requested=datetime.now(UTC),
    )
    await store.put(object_keys.request(call.recording, 3), encode(request))
    await later.store_transcript(store, "By machine")
    await later.whole("By machine")

    async def holds() -> bool:
        found = (await stream.http.get("/v1/recordings")).json()["recordings"]
        return found[0]["versions"] == 3

    await until(holds)
    [found] = (await stream.http.get("/v1/recordings")).json()["recordings"]
    assert (found["text"], found["version"]) == ("By hand Copy", 2)
    # Who looked at that version may correct it: no other correction came since.
    answer = await patch(stream, call, base=3, segments=[{"index": 0, "text": "By hand again"}])
    assert (answer.status_code, answer.json()["version"]) == (201, 4)


async def test_without_the_bus_it_is_stored_and_the_event_follows(
    env: dict[str, str], store: S3Store, bus: Bus, nats: NatsFixture, tmp_path: Path
) -> None:
    env = {**env, "ECHOBASE_DATA": str(tmp_path)}
    call = Call(bus)
    await call.store_recording(store)
    await call.store_request(store)
    await call.store_transcript(store, "Engine heaven")
    await call.whole("Engine heaven")
    async with running(env) as stream:
        await until_known(stream, call.recording)
        nats.kill()
        answer = await patch(stream, call, base=1, segments=[{"index": 0, "text": "Engine six"}])
        assert answer.status_code == 201
        [found] = (await stream.http.get("/v1/recordings?q=six")).json()["recordings"]
        assert found["version"] == 2
    # The service has ended: what is to be said is on its disk.
    nats.start()
    bus = await connect(nats.settings, "again")
    await bus.ensure(topology())
    assert not await corrected_events(bus, call)
    async with running(env) as stream:
        await until_ready(stream)

        async def holds() -> bool:
            return len(await corrected_events(bus, call)) == 1

        await until(holds)
    await bus.close()


async def test_what_was_stored_and_not_finished_is_finished_by_a_new_replica(
    env: dict[str, str], store: S3Store, bus: Bus
) -> None:
    call = Call(bus)
    await call.store_recording(store)
    await call.store_request(store)
    await call.store_transcript(store, "Engine heaven")
    await call.whole("Engine heaven")
    async with running(env) as stream:
        await until_known(stream, call.recording)
        await patch(stream, call, base=1, segments=[{"index": 0, "text": "Engine six"}])

        async def holds() -> bool:
            return bool(await corrected_events(bus, call))

        await until(holds)
    # As if it had been killed after the first of its three steps, and its disk lost.
    transcript = await store.get(object_keys.transcript(call.recording, 2))
    await store.delete(object_keys.transcript(call.recording, 2))
    last = await bus.last(EVENTS.name, recording_events(call.recording, "corrected"))
    assert last is not None
    await bus.delete(EVENTS.name, last.sequence)
    async with running(env) as stream:
        await until(holds)
        await until_known(stream, call.recording)

        async def shown() -> bool:
            found = (await stream.http.get("/v1/recordings?q=six")).json()["recordings"]
            return bool(found)

        await until(shown)
    assert await store.get(object_keys.transcript(call.recording, 2)) == transcript
