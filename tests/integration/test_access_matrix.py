"""Every route by every scope, for own and foreign channels: allowed or refused as documented."""

import re
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import msgspec
import pytest

from shared.key_keeper import KEY
from shared.key_value import KeyValue
from shared.keys import SCOPES, Limit, Scope
from shared.nats_bus import connect
from shared.s3_store import S3Store
from shared.settings import StoreSettings
from shared.topology import KEYS, topology
from tests.support.access import made
from tests.support.access_site import RADIO, ROOT, Site, probes
from tests.support.calls import Call
from tests.support.ingest import serving
from tests.support.matrix import (
    Caller,
    Kind,
    Operation,
    expected,
    operations,
    outcome,
    undocumented,
)
from tests.support.repository import ROOT as ROOT_FOLDER
from tests.support.servers import NatsFixture
from tests.support.stream import environment_of, reading, running, until, until_ready

pytestmark = pytest.mark.servers

OWN = ("county", "Fire Süd")
FOREIGN = ("metro", "EMS")
LIMITS = (Limit(source="county", channel="Fire*"), Limit(source=RADIO["county"], channel="70*"))


@pytest.fixture
async def site(
    nats: NatsFixture, store_settings: StoreSettings, tmp_path: Path
) -> AsyncIterator[Site]:
    """Both services, with keys."""
    bus = await connect(nats.settings, "test")
    await bus.ensure(topology())
    store = S3Store(store_settings)
    await store.ensure()
    env = environment_of(
        nats.settings,
        store_settings,
        ECHOBASE_API_KEY=ROOT,
        ECHOBASE_DATA=str(tmp_path / "stream"),
    )
    async with AsyncExitStack() as stack:
        stack.push_async_callback(bus.close)
        stack.push_async_callback(store.close)
        stream = await stack.enter_async_context(running(env))
        ingest = await stack.enter_async_context(
            serving(tmp_path / "ingest" / "spool", store, bus, site=stream.life.site)
        )
        await until_ready(stream)
        yield Site(stream, ingest, bus, store)


async def callers(site: Site) -> list[Caller]:
    """Somebody without a key, and a key of each scope, with limits and without."""
    found = [Caller("", None, limited=False)]
    for number, scope in enumerate(SCOPES):
        for limited in (False, True):
            limits = LIMITS if limited else ()
            key, record = made(scope, id=f"{number}{int(limited)}", limits=limits)
            value = msgspec.json.encode(record)
            await KeyValue(site.bus, KEYS).put(f"{KEY}{record.id}", value)
            found.append(Caller(key, scope, limited))

    async def known() -> bool:
        headers = {"X-API-Key": found[-1].key}
        answers = [
            await http.get(path, headers=headers)
            for http, path in (
                (site.stream.http, "/v1/status"),
                (site.ingest.http, "/v1/spool/refused"),
            )
        ]
        return all(answer.status_code == 200 for answer in answers)

    await until(known)
    return found


async def described(site: Site) -> list[Operation]:
    """The routes of both services, as they describe them."""
    stream = (await site.stream.http.get("/openapi.json")).content
    ingest = (await site.ingest.http.get("/ingest/openapi.json")).content
    return [*operations(stream), *operations(ingest)]


async def test_every_route_allows_and_refuses_as_documented(site: Site) -> None:
    found, tries = await described(site), probes(site)
    assert undocumented(found, {name: probe.kind for name, probe in tries.items()}) == []
    faults: list[str] = []
    for caller in await callers(site):
        headers = {"X-API-Key": caller.key} if caller.key else {}
        for operation in found:
            probe = tries[operation.name]
            for channel in (OWN, FOREIGN):
                wanted = expected(operation, probe.kind, caller, channel == OWN)
                answer = await probe.ask(*channel, headers)
                if outcome(answer.status_code) != wanted:
                    said = f"{answer.status_code}, not {wanted}"
                    faults.append(f"{operation.name} by {caller} for {channel}: {said}")
    assert faults == []


async def test_the_readme_says_which_routes_ingest_opens(site: Site) -> None:
    """`admin` opens everything, and `read` what is left; both services say so."""
    readme = (ROOT_FOLDER / "README.md").read_text("utf-8")
    [row] = re.findall(r"^\| `ingest` \| (.*) \|$", readme, re.MULTILINE)
    named = set(re.findall(r"`([^`]+)`", row))
    found = {
        each.name.replace("recording_id", "id")
        for each in await described(site)
        if each.scopes == ("ingest",)
    }
    assert found == named


async def test_only_ingest_has_routes_for_admins(site: Site) -> None:
    stream = operations((await site.stream.http.get("/openapi.json")).content)
    correction = ("read", "ingest")
    assert {each.scopes for each in stream} == {("read",), correction, None}
    [corrects] = [each.name for each in stream if each.scopes == correction]
    assert corrects == "PATCH /v1/recordings/{recording_id}/transcript"


async def test_lists_leave_out_what_is_beyond_the_limits(site: Site) -> None:
    own = await site.recording(*OWN, told=True)
    foreign = await site.recording(*FOREIGN, told=True)

    async def listed_for_all() -> bool:
        listed = await site.stream.http.get("/v1/recordings", headers={"X-API-Key": ROOT})
        return own in listed.text and foreign in listed.text

    await until(listed_for_all)
    mine = await site.spooled(*OWN, refused=True)
    theirs = await site.spooled(*FOREIGN, refused=True)
    for caller in await callers(site):
        headers = {"X-API-Key": caller.key}
        if caller.scope in ("read", "admin"):
            listed = (await site.stream.http.get("/v1/recordings", headers=headers)).text
            assert own in listed
            assert (foreign in listed) is not caller.limited, caller
        if caller.scope == "admin":
            refused = (await site.ingest.http.get("/v1/spool/refused", headers=headers)).text
            assert mine in refused
            assert (theirs in refused) is not caller.limited, caller


@pytest.mark.parametrize("query", ["", "source=metro&source=county", "type=completed"])
async def test_an_event_stream_leaves_out_what_is_beyond_the_limits(site: Site, query: str) -> None:
    reader = next(c for c in await callers(site) if c.scope == "read" and c.limited)
    async with reading(site.stream.http, query, headers={"X-API-Key": reader.key}) as live:
        assert live.response.status_code == 200
        before = str((await site.bus.state("EVENTS")).last)
        await Call(site.bus, *FOREIGN).whole("not for you")
        await Call(site.bus, "county", "Police").whole("nor this")
        own = Call(site.bus, *OWN)
        await own.whole("for you")
        first = await live.next()
        assert first.json()["recording"] == own.recording
    # What is replayed is held to the same.
    epoch = (await site.bus.state("EVENTS")).epoch
    resumed = f"{query}&last_event_id={epoch}-{before}"
    async with reading(site.stream.http, resumed, headers={"X-API-Key": reader.key}) as again:
        assert (await again.next()).id == first.id


# --- the checker ---


def test_a_route_that_says_nothing_is_found() -> None:
    found = [Operation("GET /a", ()), Operation("GET /b", ("read",)), Operation("GET /c", None)]
    assert undocumented(found, {"GET /a": "one", "GET /b": "one", "GET /c": "public"}) == [
        "GET /a does not say which scopes it asks for: ()"
    ]


def test_a_route_that_is_not_tried_and_one_that_is_gone_are_found() -> None:
    found = [Operation("GET /new", ("read",))]
    assert undocumented(found, {"GET /old": "one"}) == [
        "GET /new is not tried",
        "GET /old is no route",
    ]


def test_a_route_that_is_wrongly_public_is_found() -> None:
    assert undocumented([Operation("GET /a", None)], {"GET /a": "one"}) == [
        "GET /a does not say which scopes it asks for: None"
    ]
    assert undocumented([Operation("GET /a", ("read",))], {"GET /a": "public"}) == [
        "GET /a is said to be public, and asks for a key"
    ]


@pytest.mark.parametrize(
    ("scope", "limited", "kind", "own", "wanted"),
    [
        (None, False, "one", True, "unauthorized"),
        (None, False, "public", True, "answered"),
        ("ingest", False, "one", True, "forbidden"),
        ("read", False, "one", False, "answered"),
        ("read", True, "one", True, "answered"),
        ("read", True, "one", False, "unknown"),
        ("admin", True, "upload", False, "forbidden"),
        ("read", True, "list", False, "answered"),
    ],
)
def test_what_the_documentation_says(
    scope: Scope | None, limited: bool, kind: Kind, own: bool, wanted: str
) -> None:
    caller = Caller("k", scope, limited)
    assert expected(Operation("GET /a", ("read",)), kind, caller, own) == wanted
