"""`GET /v1/recordings`, from a real store and a real bus."""

import pytest

from shared.bus import Bus
from shared.s3_store import S3Store
from tests.support.calls import Call
from tests.support.stream import Running, fields, reading, until, until_known

pytestmark = pytest.mark.servers


async def test_recordings_are_listed_the_newest_first(
    store: S3Store, bus: Bus, stream: Running
) -> None:
    calls = [Call(bus, "county" if number % 3 else "city") for number in range(40)]
    for call in calls:
        await call.store_recording(store)
        await call.store_request(store)
        await call.queued()
    await until_known(stream, *(call.recording for call in calls))
    seen: list[str] = []
    cursor = ""
    while cursor is not None:
        query = {"limit": "15", "source": "county"} | ({"cursor": cursor} if cursor else {})
        answer = await stream.http.get("/v1/recordings", params=query)
        assert answer.status_code == 200
        seen += [found["id"] for found in answer.json()["recordings"]]
        cursor = answer.json()["next"]
    assert seen == [call.recording for call in reversed(calls) if call.source == "county"]
    [first] = (await stream.http.get("/v1/recordings?limit=1")).json()["recordings"]
    one = (await stream.http.get(f"/v1/recordings/{first['id']}")).json()["recording"]
    assert one == {name: first[name] for name in one}


async def test_what_is_said_is_found(store: S3Store, bus: Bus, stream: Running) -> None:
    call, other = Call(bus), Call(bus)
    for each, text in ((call, "Structure fire at <Birch> street"), (other, "Nothing to report")):
        await each.store_recording(store)
        await each.store_request(store)
        await each.store_transcript(store, text)
        await each.whole(text)
    await until_known(stream, call.recording, other.recording)

    async def holds() -> bool:
        answer = await stream.http.get("/v1/recordings", params={"q": "birch"})
        return len(answer.json()["recordings"]) == 1

    await until(holds)
    answer = await stream.http.get("/v1/recordings", params={"q": '"birch street" -report'})
    [found] = answer.json()["recordings"]
    assert found["id"] == call.recording
    assert (found["status"], found["version"], found["corrected"]) == ("completed", 1, False)
    assert found["snippet"] == [
        {"text": "Structure fire at <", "match": False},
        {"text": "Birch> street", "match": True},
    ]
    assert found["confidence"] == 0.9
    assert not found["needs_review"]


async def test_the_list_and_the_events_after_it_have_each_segment_once(
    store: S3Store, bus: Bus, stream: Running
) -> None:
    call = Call(bus)
    await call.store_recording(store)
    await call.store_request(store)
    await call.queued()
    await call.started()
    for number in range(30):
        await call.segment(f"word{number}")
        page = (await stream.http.get("/v1/recordings")).json()
        if not page["recordings"] or number % 7:
            continue
        [found] = page["recordings"]
        listed = found["text"].split()
        assert found["segments"] == len(listed)
        await call.segment(f"live{number}")
        async with reading(stream.http, f"last_event_id={page['last_event_id']}") as reader:
            seen = list(listed)
            while seen[-1:] != [f"live{number}"]:
                event = await reader.next()
                if event.event == "segment":
                    seen.append(str(fields(event)["text"]))
        assert seen == call.texts


async def test_what_is_not_allowed_is_a_problem(stream: Running) -> None:
    await until_known(stream)
    answer = await stream.http.get("/v1/recordings?since=yesterday")
    assert answer.headers["content-type"] == "application/problem+json"
    assert (answer.status_code, answer.json()["field"]) == (400, "since")
    assert (await stream.http.get("/v1/recordings?colour=red")).json()["field"] == "colour"
    assert (await stream.http.get("/v1/recordings?limit=x")).json()["field"] == "limit"
    assert (await stream.http.get("/v1/recordings?channel=%ff")).json()["field"] == "channel"
    assert (await stream.http.get("/v1/recordings?q=%22%22")).json()["field"] == "q"
    assert (await stream.http.get("/v1/recordings?q=-drill")).json()["field"] == "q"
    assert (await stream.http.get("/v1/recordings?needs_review=no")).json()["field"] == (
        "needs_review"
    )
