"""The history of real services on real servers: killed, purged, limited, made anew."""

import asyncio
import random
import signal
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest
from click.testing import CliRunner, Result

from deploy.local.ports import free_ports
from deploy.local.process import Process
from services.stream.history.commands import history as command
from shared import object_keys
from shared.bus import Bus
from shared.envelope import deleted_message
from shared.key_value import KeyValue
from shared.keys import Limit
from shared.messages import Deleted, encode
from shared.s3_store import S3Store
from shared.topology import EVENTS, KEYS, topology
from tests.integration.stream.test_service import administer
from tests.support.access import made
from tests.support.calls import Call
from tests.support.history import dump_file
from tests.support.servers import NatsFixture
from tests.support.stream import DEADLINE, Running, process, running, until, until_known

pytestmark = pytest.mark.servers


async def whole(store: S3Store, bus: Bus, *texts: str, source: str = "upload") -> Call:
    """A call that went well."""
    call = Call(bus, source)
    await call.store_recording(store)
    await call.store_request(store)
    await call.queued()
    await call.started()
    for text in texts:
        await call.segment(text)
    await call.store_transcript(store, *texts)
    await call.completed()
    return call


async def live_at(http: httpx.AsyncClient, bus: Bus) -> dict[str, str]:
    """What each recording says, once the history has every event that there is."""
    end = (await bus.state(EVENTS.name)).last

    async def holds() -> bool:
        try:
            answer = await http.get("/v1/recordings?limit=500")
        except httpx.TransportError:
            return False
        known = answer.json().get("last_event_id") or "-0"
        return answer.status_code == 200 and int(known.rpartition("-")[2]) >= end

    await until(holds)
    found = (await http.get("/v1/recordings?limit=500")).json()["recordings"]
    return {each["id"]: each["text"] for each in found}


@asynccontextmanager
async def served(
    env: dict[str, str], folder: Path
) -> AsyncGenerator[tuple[Process, httpx.AsyncClient]]:
    """A process of the service, and a client of it."""
    [port] = free_ports(1)
    more = {"ECHOBASE_STREAM_PORT": str(port), "ECHOBASE_DATA": str(folder)}
    service = process({**env, **more}, folder / "stream.log")
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=DEADLINE) as http:
        try:
            yield service, http
        finally:
            await asyncio.to_thread(service.kill)


async def test_killed_at_any_moment_it_equals_one_that_was_not(
    env: dict[str, str], store: S3Store, bus: Bus, tmp_path: Path
) -> None:
    (killed := tmp_path / "killed").mkdir()
    (quiet := tmp_path / "quiet").mkdir()
    dice = random.Random(7)
    calls: list[Call] = []

    async def work() -> None:
        for number in range(40):
            calls.append(await whole(store, bus, f"call {number}", "and more", "of it"))
            if number % 9 == 8:
                await erase(store, bus, calls.pop(dice.randrange(len(calls))))

    async with (
        served(env, quiet) as (undisturbed, reference),
        served(env, killed) as (victim, http),
    ):
        await asyncio.to_thread(undisturbed.start)
        working = asyncio.create_task(work())
        kills = 0
        while not working.done() or kills < 6:
            await asyncio.to_thread(victim.start)
            await asyncio.sleep(dice.uniform(0.8, 2.0))
            await asyncio.to_thread(victim.kill)
            kills += 1
        await working
        await asyncio.to_thread(victim.start)
        texts = {call.recording: " ".join(call.texts) for call in calls}
        assert await live_at(http, bus) == texts
        assert await live_at(reference, bus) == texts
        for each in (undisturbed, victim):
            each.signal(signal.SIGTERM)
            assert await asyncio.to_thread(each.wait, DEADLINE)
    assert dump_file(killed) == dump_file(quiet)


async def erase(store: S3Store, bus: Bus, call: Call) -> None:
    """As ingest does it, in short."""
    for key in [
        item.key async for item in store.list(object_keys.recording_prefix(call.recording))
    ]:
        await store.delete(key)
    event = Deleted(
        recording=call.recording,
        source=call.source,
        channel=call.channel,
        time=datetime.now(UTC),
        what="all",
        reason="request",
    )
    await bus.publish(deleted_message(event))


async def test_a_rebuild_after_events_was_purged_equals_the_file_before(
    env: dict[str, str],
    store: S3Store,
    bus: Bus,
    nats: NatsFixture,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    env = {**env, "ECHOBASE_DATA": str(tmp_path)}
    monkeypatch.setenv("ECHOBASE_DATA", str(tmp_path))
    async with running(env) as stream:
        calls = [await whole(store, bus, f"text {n}") for n in range(30)]
        await until_known(stream, *(call.recording for call in calls))
        path = f"/v1/recordings/{calls[3].recording}/transcript"
        order = {"base": 1, "segments": [{"index": 0, "text": "by hand"}]}
        assert (await stream.http.patch(path, json=order)).status_code == 201
        await erase(store, bus, calls[5])

        async def told() -> bool:
            return (await bus.state(EVENTS.name)).last == 4 * 30 + 2

        await until(told)
        before = await live_at(stream.http, bus)
    file = dump_file(tmp_path)
    await administer(nats, "PURGE")
    async with running(env) as stream:
        assert await live_at(stream.http, bus) == before
        result = await asyncio.to_thread(rebuild)
        assert result.exit_code == 0, result.output
        assert "The history is whole: 29 recordings." in result.output
        assert await live_at(stream.http, bus) == before
        status = await asyncio.to_thread(CliRunner().invoke, command, ["status"])
        assert status.output == "live\n"
    assert dump_file(tmp_path) == file
    result = await asyncio.to_thread(rebuild)
    assert "made anew when it starts" in result.output
    async with running(env) as stream:
        assert await live_at(stream.http, bus) == before
    assert dump_file(tmp_path) == file


def rebuild() -> Result:
    return CliRunner().invoke(command, ["rebuild", "--timeout", str(DEADLINE)])


async def test_events_made_anew_are_followed(
    stream: Running, store: S3Store, bus: Bus, nats: NatsFixture
) -> None:
    one = await whole(store, bus, "one")
    await until_known(stream, one.recording)
    await administer(nats, "DELETE")
    await bus.ensure(topology())
    two = await whole(store, bus, "two")
    await until_known(stream, one.recording, two.recording)
    epoch = (await bus.state(EVENTS.name)).epoch

    async def holds() -> bool:
        page = (await stream.http.get("/v1/recordings")).json()
        return str(page["last_event_id"]).startswith(f"{epoch}-")

    await until(holds)


@dataclass(frozen=True)
class Shop:
    """A service with a recording within a key's limits, and one beyond them."""

    stream: Running
    own: Call
    foreign: Call
    limited: str
    """A key that reaches one of them."""
    reader: str
    """A key that may only read."""

    async def ask(self, path: str, key: str) -> httpx.Response:
        """What a key is answered."""
        return await self.stream.http.get(path, headers={"X-API-Key": key})

    async def correct(self, call: Call, key: str) -> int:
        """The status of a correction by a key."""
        answer = await self.stream.http.patch(
            f"/v1/recordings/{call.recording}/transcript",
            json={"base": 1, "segments": []},
            headers={"X-API-Key": key},
        )
        return answer.status_code


@pytest.fixture
async def shop(env: dict[str, str], store: S3Store, bus: Bus) -> AsyncIterator[Shop]:
    """Open, and known to the keys."""
    own = await whole(store, bus, "Structure fire in the county", source="county")
    foreign = await whole(store, bus, "Structure fire in the city", source="city")
    limited, record = made("read", "ingest", limits=(Limit(source="county"),))
    reader, read_only = made("read", id="beef0000")
    keys = KeyValue(bus, KEYS)
    async with running({**env, "ECHOBASE_API_KEY": "all", "ECHOBASE_RATE_LIMIT": "off"}) as stream:
        for each in (record, read_only):
            await keys.put(f"key.{each.id}", encode(each))
        found = Shop(stream, own, foreign, limited, reader)

        async def known() -> bool:
            asked = [await found.ask("/v1/status", key) for key in (limited, reader)]
            if any(answer.status_code == 401 for answer in asked):
                return False
            page = (await found.ask("/v1/recordings?q=structure", "all")).json()
            return len(page.get("recordings", ())) == 2

        await until(known)
        yield found


async def test_a_list_holds_what_is_within_the_limits(shop: Shop) -> None:
    for query in ("", "?q=structure", "?source=c*", "?limit=1", "?min_confidence=0.1"):
        page = (await shop.ask(f"/v1/recordings{query}", shop.limited)).json()
        assert [each["id"] for each in page["recordings"]] == [shop.own.recording], query
        assert page["next"] is None
    for query in ("?source=city", "?q=city"):
        page = (await shop.ask(f"/v1/recordings{query}", shop.limited)).json()
        assert page["recordings"] == []


async def test_what_is_beyond_the_limits_is_unknown(shop: Shop) -> None:
    transcripts = ("/transcript.json", "/transcript.json?version=1", "/transcript.tsv")
    for path in ("", "/versions", *transcripts, "/audio"):
        for call, status in ((shop.own, 200), (shop.foreign, 404)):
            answer = await shop.ask(f"/v1/recordings/{call.recording}{path}", shop.limited)
            assert answer.status_code == status, path


async def test_corrections_and_rates_have_limits_too(shop: Shop) -> None:
    assert await shop.correct(shop.own, shop.limited) == 201
    assert await shop.correct(shop.foreign, shop.limited) == 404
    assert await shop.correct(shop.own, shop.reader) == 403
    assert await shop.correct(shop.own, "") == 401
    assert await shop.correct(shop.foreign, "all") == 201
    rates = (await shop.ask("/v1/stats/wer", shop.limited)).json()
    assert {each["source"] for each in rates["rates"]} == {"county"}
    assert rates["compared"] == 1
    assert (await shop.ask("/v1/stats/wer", "all")).json()["compared"] == 2
