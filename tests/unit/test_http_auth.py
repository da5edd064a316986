"""The key, and for a service on loopback its names and its own page."""

from collections.abc import Mapping
from inspect import iscoroutinefunction

import httpx
import pytest
from litestar import Litestar, Request, asgi, get, post
from litestar.config.cors import CORSConfig
from litestar.datastructures import Headers, State
from litestar.testing import TestClient
from litestar.types import Receive, Scope, Send

from shared.errors import Forbidden, Unauthorized
from shared.health import Health
from shared.http.auth import (
    COOKIE,
    KEY_INSIDE,
    PUBLIC,
    TOKENS,
    Gate,
    check_scopes,
    credential_of,
    require,
    scopes_of,
)
from shared.http.problem import MEDIA_TYPE, exception_handlers
from shared.http.ratelimit import UNLIMITED, RateHeaders
from shared.http.same_site import ANY_HOST, SameSite, origins
from shared.key_ring import KeyRing
from shared.key_set import KeySet
from shared.keys import Credential
from shared.rate import Limiter, Rate
from shared.settings import SiteSettings
from tests.support.access import gate, made

KEY = "s3cret-ünï"
PAGE = "http://localhost:3000"


@get("/words", opt=require("read"))
async def words() -> str:
    return "words"


@post("/upload", opt=require("ingest"))
async def upload() -> str:
    return "kept"


@post("/inside", opt={**require("ingest"), KEY_INSIDE: True})
async def inside() -> str:
    return "asks by itself"


@get("/page", opt={PUBLIC: True})
async def page() -> str:
    return "page"


@get("/followed", opt={**require("read"), TOKENS: True})
async def followed(request: Request[object, object, State]) -> list[str]:
    credential = credential_of(request)
    return [credential.key, *(f"{name}={value}" for name, value in credential.filters or ())]


@asgi("/health", is_mount=True, copy_scope=True, opt={PUBLIC: True, ANY_HOST: True})
async def health(scope: Scope, receive: Receive, send: Send) -> None:
    await Health()(scope, receive, send)


def client(
    key: str = "",
    bind: str = "127.0.0.1",
    base: str = "http://127.0.0.1:3001",
    hosts: tuple[str, ...] = (),
    ring: KeyRing | None = None,
) -> TestClient[Litestar]:
    site = SiteSettings(api_key=key, bind=bind)
    urls = [PAGE, "https://radio.example/echo"]
    guard = Gate(ring or KeyRing(KeySet(key)), Limiter(None), origins(urls)).guard
    app = Litestar(
        [words, upload, inside, page, followed, health],
        guards=[guard],
        middleware=[SameSite(site, urls, hosts)],
        exception_handlers=exception_handlers(),
        cors_config=CORSConfig(allow_origins=origins(urls)),
        openapi_config=None,
        logging_config=None,
    )
    return TestClient(app, base_url=base, raise_server_exceptions=False)


def sent(value: str) -> bytes:
    # As curl sends what is no ASCII.
    return value.encode()


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 401),
        ({"X-API-Key": sent(KEY)}, 200),
        ({"X-API-Key": sent(KEY + "x")}, 401),
        ({"X-API-Key": b""}, 401),
        ({"Authorization": sent(f"Bearer {KEY}")}, 200),
        ({"Authorization": sent(f"bearer  {KEY}")}, 200),
        ({"Authorization": sent(f"Basic {KEY}")}, 401),
        ({"Authorization": b"Bearer"}, 401),
        ({"Cookie": sent(f"{COOKIE}=x")}, 401),
    ],
)
def test_the_key_is_asked_for(headers: Mapping[str, bytes], status: int):
    with client(KEY) as http:
        answer = http.get("/words", headers={k.encode(): v for k, v in headers.items()})
        assert answer.status_code == status
        if status == 401:
            assert answer.headers["content-type"] == MEDIA_TYPE
            assert answer.headers["www-authenticate"] == "Bearer"
            assert KEY not in answer.text


def test_a_key_may_come_in_a_body_or_in_a_header():
    keys = [made(scope, id=scope) for scope in ("ingest", "read")]
    (key, _), (reader, _) = keys
    ring = KeyRing(KeySet(KEY, {record.id: record for _, record in keys}))
    doors = Gate(ring, Limiter(None), ())
    for headers, inside, found in (
        ({}, key, "ingest"),
        ({"X-API-Key": key}, "", "ingest"),
        ({"X-API-Key": KEY.encode().decode("latin-1")}, "wrong", "environment"),
        ({"X-API-Key": "wrong"}, key, "ingest"),
    ):
        assert doors.admit(Headers(headers), inside, ("ingest",)).key == found
    with pytest.raises(Unauthorized):
        doors.admit(Headers({}), "wrong", ("ingest",))
    with pytest.raises(Forbidden):
        doors.admit(Headers({}), reader, ("ingest",))
    with client(ring=ring) as http:
        assert http.post("/inside").status_code == 201
    assert gate().admit(Headers({}), "any", ("ingest",)).key == "open"


def test_what_is_public_needs_no_key():
    with client(KEY) as http:
        assert http.get("/page").status_code == 200
        assert http.get("/health/live").status_code == 200


def test_without_a_key_none_is_asked_for():
    with client() as http:
        assert http.get("/words").status_code == 200


def session(ring: KeyRing, key: str) -> str:
    """A session's cookie, of a key that counts."""
    found = ring.keys.of_key(key, ring.now())
    assert found is not None
    token, _ = ring.keys.begin_session(found, 60, ring.now())
    return token


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 403),
        ({"Origin": PAGE}, 201),
        ({"Origin": "http://[::1]:3000"}, 201),
        ({"Origin": "https://radio.example"}, 201),
        ({"Origin": "https://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Sec-Fetch-Site": "same-origin"}, 201),
        ({"Sec-Fetch-Site": "same-site"}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"X-API-Key": KEY.encode()}, 201),
        ({"X-API-Key": b"wrong"}, 401),
    ],
)
def test_only_the_own_page_changes_things_with_its_cookie(
    headers: Mapping[str, str | bytes], status: int
):
    ring = KeyRing(KeySet(KEY))
    with client(ring=ring, bind="0.0.0.0") as http:
        http.cookies.set(COOKIE, session(ring, KEY))
        assert http.get("/words").status_code == 200
        given = {k.encode(): v.encode() if isinstance(v, str) else v for k, v in headers.items()}
        answer = http.post("/upload", headers=given)
        assert answer.status_code == status, answer.text


def test_a_key_opens_what_its_scopes_say():
    reader, record = made("read")
    with client(ring=KeyRing(KeySet(records={record.id: record}))) as http:
        headers = {"X-API-Key": reader}
        assert http.get("/words", headers=headers).status_code == 200
        refused = http.post("/upload", headers=headers)
        assert (refused.status_code, refused.json()["type"]) == (403, "urn:echobase:forbidden")
        assert http.get("/words").status_code == 401


def test_recorders_doors_are_never_closed_for_coming_too_often():
    @post("/api/call-upload", opt={**require("ingest"), UNLIMITED: True})
    async def door() -> str:
        return "kept"

    limiter = Limiter(Rate(2, 3600))
    app = Litestar(
        [words, door],
        guards=[gate(KEY, limiter=limiter).guard],
        middleware=[RateHeaders(limiter)],
        exception_handlers=exception_handlers(),
        openapi_config=None,
        logging_config=None,
    )
    with TestClient(app) as http:
        http.headers.update({b"X-API-Key": sent(KEY)})
        answers = [http.post("/api/call-upload") for _ in range(10)]
        assert {answer.status_code for answer in answers} == {201}
        assert "ratelimit" not in answers[-1].headers
        assert [http.get("/words").status_code for _ in range(3)] == [200, 200, 429]


def test_a_stream_token_counts_where_a_route_says_so_and_for_pages_of_anyone():
    ring = KeyRing(KeySet(KEY))
    behind = ring.keys.of_key(KEY, ring.now())
    assert behind
    token, _ = ring.keys.stream_token(behind, (("source", "county"),), 60, ring.now())
    elsewhere = {"Origin": "https://third.example"}
    with client(ring=ring) as http:
        found = http.get(f"/followed?token={token}", headers=elsewhere)
        assert found.json() == ["environment", "source=county"]
        assert http.get("/followed?token=x", headers=elsewhere).status_code == 401
        assert http.get("/followed", headers=elsewhere).status_code == 403
        assert http.get(f"/words?token={token}").status_code == 401
        assert http.get(f"/words?token={token}", headers=elsewhere).status_code == 403
        assert http.get("/words", headers={"X-API-Key": token}).status_code == 401
        http.cookies.set(COOKIE, token)
        assert http.get("/words").status_code == 401


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("echo.example", 200),
        ("echo.example:8080", 200),
        ("radio.example", 200),
        ("127.0.0.1:3001", 200),
        ("other.example", 421),
        ("192.0.2.7:3001", 421),
    ],
)
def test_beyond_loopback_only_the_names_that_are_set_are_answered(host: str, status: int):
    with client(KEY, bind="0.0.0.0", hosts=("echo.example",)) as http:
        headers = {b"Host": host.encode(), b"X-API-Key": KEY.encode()}
        assert http.get("/words", headers=headers).status_code == status
        assert http.get("/health/live", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("localhost:3001", 200),
        ("127.0.0.1:3001", 200),
        ("127.0.0.1", 200),
        ("[::1]:3001", 200),
        ("LOCALHOST", 200),
        ("radio.example", 200),
        ("evil.example", 421),
        ("localhost.evil.example", 421),
        ("evil.example:3001", 421),
        ("[::1", 421),
        ("", 421),
    ],
)
def test_on_loopback_only_own_names_are_answered(host: str, status: int):
    with client() as http:
        answer = http.get("/words", headers={"Host": host})
        assert answer.status_code == status
        if status != 200:
            assert answer.headers["content-type"] == MEDIA_TYPE


@pytest.mark.parametrize(
    ("origin", "status"),
    [
        (PAGE, 201),
        ("http://127.0.0.1:3000", 201),
        ("http://[::1]:3000", 201),
        ("http://127.0.0.1:3001", 201),
        ("https://radio.example", 201),
        ("http://radio.example", 403),
        ("http://localhost:8080", 403),
        ("https://evil.example", 403),
        ("null", 403),
    ],
)
def test_on_loopback_only_the_own_page_may_call(origin: str, status: int):
    with client() as http:
        answer = http.post("/upload", headers={"Origin": origin})
        assert answer.status_code == status
        if status == 403:
            assert answer.headers["content-type"] == MEDIA_TYPE


def test_beyond_loopback_the_key_decides():
    with client(KEY, bind="0.0.0.0", base="http://192.0.2.7:3001") as http:
        assert http.get("/words").status_code == 401
        headers = {b"X-API-Key": sent(KEY), b"Origin": b"https://evil.example"}
        assert http.get("/words", headers=headers).status_code == 200


def preflight(http: httpx.Client, origin: str) -> httpx.Response:
    headers = {"Origin": origin, "Access-Control-Request-Method": "POST"}
    return http.options("/upload", headers=headers)


def test_a_preflight_needs_no_key_and_allows_the_page_alone():
    with client(KEY) as http:
        allowed = preflight(http, "http://127.0.0.1:3000")
        assert allowed.status_code == 204
        assert allowed.headers["access-control-allow-origin"] == "http://127.0.0.1:3000"
        assert "access-control-allow-origin" not in preflight(http, "https://evil.example").headers


def test_origins_are_those_of_the_urls():
    assert origins(["https://radio.example/echo", "http://localhost:3000"]) == [
        "https://radio.example",
        "http://localhost:3000",
        "http://127.0.0.1:3000",
        "http://[::1]:3000",
    ]


@pytest.mark.parametrize(
    ("opt", "scopes"),
    [
        (require("read"), ("read",)),
        ({**require("read", "ingest"), "other": 1}, ("read", "ingest")),
        ({}, ("admin",)),
        ({PUBLIC: True}, None),
    ],
)
def test_a_route_says_which_scopes_it_asks_for(
    opt: dict[str, object], scopes: tuple[str, ...] | None
):
    @get("/", opt=opt)
    async def handler() -> None: ...

    assert scopes_of(handler) == scopes


def test_a_scope_that_is_missing_is_named():
    check_scopes(Credential("k", frozenset({"admin"})), ("read", "ingest"))
    with pytest.raises(Forbidden, match="ingest"):
        check_scopes(Credential("k", frozenset({"read"})), ("ingest",))


def test_no_request_waits_for_a_thread_to_be_let_in() -> None:
    """Litestar has a thread run each guard that is no coroutine."""
    assert iscoroutinefunction(gate().guard)
