"""`GET /v1/recordings`, from a real store."""

import pytest

from shared.bus import Bus
from shared.s3_store import S3Store
from tests.support.calls import Call
from tests.support.stream import Running

pytestmark = pytest.mark.servers


async def test_recordings_are_listed(store: S3Store, bus: Bus, stream: Running) -> None:
    calls = [Call(bus, "county" if number % 3 else "city") for number in range(40)]
    for call in calls:
        await call.store_recording(store)
        await call.store_request(store)
    seen: list[str] = []
    cursor = ""
    while cursor is not None:
        query = {"limit": "15", "source": "county"} | ({"cursor": cursor} if cursor else {})
        answer = await stream.http.get("/v1/recordings", params=query)
        assert answer.status_code == 200
        seen += [found["id"] for found in answer.json()["recordings"]]
        cursor = answer.json()["next"]
    assert seen == sorted(call.recording for call in calls if call.source == "county")
    [first] = (await stream.http.get("/v1/recordings?limit=1")).json()["recordings"]
    one = (await stream.http.get(f"/v1/recordings/{first['id']}")).json()["recording"]
    assert one == first


async def test_what_is_not_allowed_is_a_problem(stream: Running) -> None:
    answer = await stream.http.get("/v1/recordings?since=yesterday")
    assert answer.headers["content-type"] == "application/problem+json"
    assert (answer.status_code, answer.json()["field"]) == (400, "since")
    assert (await stream.http.get("/v1/recordings?colour=red")).json()["field"] == "colour"
    assert (await stream.http.get("/v1/recordings?limit=x")).json()["field"] == "limit"
    assert (await stream.http.get("/v1/recordings?channel=%ff")).json()["field"] == "channel"
