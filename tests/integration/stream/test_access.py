"""Sessions, stream tokens, the end of a credential, rate limits and the audit log, over HTTP."""

import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from shared.api_key import KeyRecord
from shared.audit import AuditRecord
from shared.bus import Bus
from shared.key_keeper import KEY
from shared.key_value import KeyValue
from shared.keys import Limit, Scope
from shared.s3_store import S3Store
from shared.topology import AUDIT, KEYS
from tests.support.access import made
from tests.support.calls import Call
from tests.support.servers import NatsFixture
from tests.support.stream import (
    Running,
    fields,
    reading,
    running,
    until,
    until_ready,
)

pytestmark = pytest.mark.servers

COUNTY = (Limit(source="county"),)


@pytest.fixture
async def stream(env: dict[str, str], bus: Bus) -> AsyncIterator[Running]:
    """The service, which knows of no key yet."""
    async with running({**env, "ECHOBASE_SESSION": "3600"}) as started:
        await until_ready(started)
        yield started


async def put(bus: Bus, record: KeyRecord) -> None:
    await KeyValue(bus, KEYS).put(f"{KEY}{record.id}", msgspec.json.encode(record))


async def known(stream: Running, bus: Bus, *scopes: Scope, **more: object) -> tuple[str, KeyRecord]:
    """A key that the service knows."""
    key, record = made(*scopes, **more)  # type: ignore[arg-type]
    await put(bus, record)

    async def counts() -> bool:
        answer = await stream.http.post("/session", json={"key": key})
        stream.http.cookies.clear()
        return answer.status_code == 204

    await until(counts)
    return key, record


async def revoke(bus: Bus, record: KeyRecord) -> None:
    await put(bus, msgspec.structs.replace(record, revoked=datetime.now(UTC)))


async def sign_in(stream: Running, key: str) -> dict[str, str]:
    """The headers of a page that has signed in."""
    answer = await stream.http.post("/session", json={"key": key})
    assert answer.status_code == 204
    cookie = answer.headers["set-cookie"].partition(";")[0]
    stream.http.cookies.clear()
    return {"Cookie": cookie}


async def records(bus: Bus) -> list[AuditRecord]:
    """What AUDIT holds."""
    return [
        msgspec.json.decode(message.data, type=AuditRecord)
        async for batch in bus.read(AUDIT.name, [">"])
        for message in batch
    ]


# --- open streams end with what opened them ---


@pytest.mark.parametrize("way", ["key", "session", "token"])
async def test_a_revoked_key_ends_every_stream_that_it_opened(
    stream: Running, bus: Bus, way: str
) -> None:
    key, record = await known(stream, bus, "read")
    headers, query = {"X-API-Key": key}, ""
    if way == "session":
        headers = await sign_in(stream, key)
    elif way == "token":
        answer = await stream.http.post("/v1/stream-tokens", json={}, headers=headers)
        query, headers = f"token={answer.json()['token']}", {}
    async with reading(stream.http, query, headers=headers) as reader:
        call = Call(bus)
        await call.queued()
        assert (await reader.next()).event == "queued"
        await revoke(bus, record)
        *_, last = await reader.rest()
        assert (last.event, fields(last)["reason"]) == ("ended", "revoked")
    assert (await stream.http.get("/v1/status", headers=headers)).status_code == 401


async def test_a_key_that_expires_ends_its_streams(stream: Running, bus: Bus) -> None:
    soon = datetime.now(UTC) + timedelta(seconds=4)
    key, _ = await known(stream, bus, "read", expires=soon)
    async with reading(stream.http, headers={"X-API-Key": key}) as reader:
        *_, last = await reader.rest()
        assert (last.event, fields(last)["reason"]) == ("ended", "expired")
        assert time.time() >= soon.timestamp()


async def test_signing_out_ends_the_sessions_streams_and_no_others(
    stream: Running, bus: Bus
) -> None:
    key, _ = await known(stream, bus, "read")
    page, other = await sign_in(stream, key), await sign_in(stream, key)
    async with (
        reading(stream.http, headers=page) as ends,
        reading(stream.http, headers=other) as stays,
    ):
        assert (await stream.http.delete("/session", headers=page)).status_code == 204
        [last] = await ends.rest()
        assert (last.event, fields(last)["reason"]) == ("ended", "signed-out")
        await Call(bus).queued()
        assert (await stays.next()).event == "queued"
    assert (await stream.http.get("/v1/status", headers=page)).status_code == 401
    assert (await stream.http.get("/v1/status", headers=other)).status_code == 200


async def test_the_first_key_ends_what_everybody_had(stream: Running, bus: Bus) -> None:
    assert (await stream.http.get("/v1/status")).json()["locked"] is False
    async with reading(stream.http) as reader:
        assert reader.response.status_code == 200
        key, record = made("read")
        await put(bus, record)
        [last] = await reader.rest()
        assert (last.event, fields(last)["reason"]) == ("ended", "locked")
    assert (await stream.http.get("/v1/status")).status_code == 401
    told = (await stream.http.get("/v1/status", headers={"X-API-Key": key})).json()
    assert (told["locked"], told["scopes"]) == (True, ["read"])


async def test_a_session_is_known_to_every_replica_and_ends_on_every_one(
    env: dict[str, str], stream: Running, bus: Bus, tmp_path_factory: pytest.TempPathFactory
) -> None:
    key, _ = await known(stream, bus, "read")
    page = await sign_in(stream, key)
    folder = str(tmp_path_factory.mktemp("other"))
    async with running({**env, "ECHOBASE_DATA": folder}) as other:
        await until_ready(other)
        async with reading(other.http, headers=page) as reader:
            assert reader.response.status_code == 200
            await stream.http.delete("/session", headers=page)
            [last] = await reader.rest()
            assert fields(last)["reason"] == "signed-out"


# --- sessions ---


async def test_a_key_that_may_not_read_signs_nobody_in(stream: Running, bus: Bus) -> None:
    await known(stream, bus, "read", id="reader")
    key, record = made("ingest", id="sender")
    await put(bus, record)

    async def refused() -> bool:
        answer = await stream.http.post("/session", json={"key": key})
        return answer.status_code == 403

    await until(refused)


async def test_another_sites_page_changes_nothing_with_the_cookie(
    stream: Running, bus: Bus
) -> None:
    key, _ = await known(stream, bus, "read")
    page = await sign_in(stream, key)
    refused = await stream.http.post("/v1/stream-tokens", json={}, headers=page)
    assert (refused.status_code, refused.json()["field"]) == (403, "Origin")
    own = {**page, "Sec-Fetch-Site": "same-origin"}
    assert (await stream.http.post("/v1/stream-tokens", json={}, headers=own)).status_code == 201


# --- stream tokens ---


async def test_a_token_opens_the_events_of_its_filters_within_its_keys_limits(
    stream: Running, bus: Bus
) -> None:
    key, _ = await known(stream, bus, "read", limits=COUNTY)
    order = {"type": ["segment"], "source": ["county", "metro"], "seconds": 60}
    answer = await stream.http.post("/v1/stream-tokens", json=order, headers={"X-API-Key": key})
    assert answer.status_code == 201
    token = answer.json()["token"]
    assert answer.json()["events"].endswith(f"/v1/events?token={token}")
    elsewhere = {"Origin": "https://third.example"}
    async with reading(stream.http, f"token={token}", headers=elsewhere) as reader:
        assert reader.response.headers["access-control-allow-origin"] == "*"
        await Call(bus, "metro", "EMS").whole("not for you")
        await Call(bus, "upload", "default").whole("nor this")
        await Call(bus, "county", "fire").whole("for you")
        first = await reader.next()
        assert (first.event, fields(first)["text"]) == ("segment", "for you")
    for path in ("/v1/recordings", "/v1/status"):
        assert (await stream.http.get(f"{path}?token={token}")).status_code == 401


async def test_a_token_ends_soon(stream: Running, bus: Bus) -> None:
    key, _ = await known(stream, bus, "read")
    answer = await stream.http.post(
        "/v1/stream-tokens", json={"seconds": 2}, headers={"X-API-Key": key}
    )
    token = answer.json()["token"]
    async with reading(stream.http, f"token={token}") as reader:
        *_, last = await reader.rest()
        assert (last.event, fields(last)["reason"]) == ("ended", "expired")
    assert (await stream.http.get(f"/v1/events?token={token}")).status_code == 401


@pytest.mark.parametrize(
    "order",
    [{"type": ["word"]}, {"seconds": 0}, {"seconds": 3601}, {"kind": ["x"]}, {"source": "x"}],
)
async def test_a_bad_order_is_refused(stream: Running, order: dict[str, object]) -> None:
    answer = await stream.http.post("/v1/stream-tokens", json=order)
    assert answer.status_code == 400, answer.text
    assert answer.headers["content-type"] == "application/problem+json"


# --- while NATS is away ---


async def test_keys_and_sessions_count_while_nats_is_away(
    stream: Running, bus: Bus, nats: NatsFixture
) -> None:
    key, _ = await known(stream, bus, "read")
    page = await sign_in(stream, key)
    nats.kill()
    assert (await stream.http.get("/v1/status", headers={"X-API-Key": key})).status_code == 200
    assert (await stream.http.get("/v1/status", headers=page)).status_code == 200
    assert (await stream.http.get("/v1/status")).status_code == 401
    later = await sign_in(stream, key)
    assert (await stream.http.delete("/session", headers=later)).status_code == 204
    assert (await stream.http.get("/v1/status", headers=later)).status_code == 401
    nats.start()
    actions = ["signed-in", "signed-in", "signed-out"]

    async def noted() -> bool:
        found = [record.action for record in await records(bus)]
        return found[-len(actions) :] == actions

    await until(bus.ready)
    await until(noted)


# --- rate limits ---


async def test_a_key_may_call_so_often_and_another_one_too(env: dict[str, str], bus: Bus) -> None:
    async with running({**env, "ECHOBASE_RATE_LIMIT": "5/hour"}) as stream:
        (one, first), (two, second) = made("read", id="1"), made("read", id="2")
        await put(bus, first)
        await put(bus, second)

        # The first key is known by then: the second was made after it.
        async def both() -> bool:
            headers = {"X-API-Key": two}
            return (
                await stream.http.get("/v1/events?no=filter", headers=headers)
            ).status_code != 401

        await until(both)
        answers = [
            await stream.http.get("/v1/status", headers={"X-API-Key": one}) for _ in range(7)
        ]
        found = [answer.status_code for answer in answers]
        assert found == [200] * 5 + [429] * 2
        left = [answer.headers["ratelimit"].partition(";t=")[0] for answer in answers]
        assert left == [f'"default";r={n}' for n in (4, 3, 2, 1, 0, 0, 0)]
        assert answers[0].headers["ratelimit-policy"] == '"default";q=5;w=3600'
        refused = answers[-1]
        assert refused.headers["content-type"] == "application/problem+json"
        assert refused.json()["type"] == "urn:echobase:too-many-requests"
        assert 0 < int(refused.headers["retry-after"]) <= 720
        assert (await stream.http.get("/v1/status", headers={"X-API-Key": two})).is_success
        # Whoever guesses is counted by where it comes from.
        guesses = [await stream.http.post("/session", json={"key": "x"}) for _ in range(6)]
        assert [guess.status_code for guess in guesses] == [401] * 5 + [429]
        # What needs no key is not counted.
        assert (await stream.http.get("/health/live")).is_success
        assert "ratelimit" not in (await stream.http.get("/docs")).headers


async def test_without_a_key_nobody_is_counted(stream: Running) -> None:
    answers = [await stream.http.get("/v1/status") for _ in range(310)]
    assert {answer.status_code for answer in answers} == {200}
    assert "ratelimit" not in answers[-1].headers


# --- the audit log ---


async def test_what_people_do_is_noted(
    stream: Running, bus: Bus, store: S3Store, caplog: pytest.LogCaptureFixture
) -> None:
    key, record = await known(stream, bus, "read")
    call = Call(bus, "county", "fire")
    await call.store_recording(store, b"RIFF" + bytes(100))
    audio = f"/v1/recordings/{call.recording}/audio"
    begun = len(await records(bus))
    caplog.clear()
    page = await sign_in(stream, key)
    await stream.http.post("/session", json={"key": f"{key}x"})
    await stream.http.get(audio, headers=page)
    await stream.http.get(audio, headers={**page, "Range": "bytes=0-9"})
    await stream.http.get(audio, headers={**page, "Range": "bytes=10-19"})
    await stream.http.delete("/session", headers=page)
    wanted = ["signed-in", "sign-in-refused", "played", "played", "signed-out"]

    async def noted() -> bool:
        return len(await records(bus)) >= begun + len(wanted)

    await until(noted)
    found = (await records(bus))[begun:]
    assert [each.action for each in found] == wanted
    assert [each.key for each in found] == [record.id, "", record.id, record.id, record.id]
    assert found[0].session
    assert {each.session for each in found if each.key} == {found[0].session}
    assert all(each.address == "127.0.0.1" for each in found)
    assert found[2].about == {"recording": call.recording, "source": "county", "channel": "fire"}
    logged = [each.getMessage() for each in caplog.records if each.name == "echobase.audit"]
    assert logged == wanted
    assert key not in str(found)
    assert key not in caplog.text
