"""The key, and for a service on loopback its names and its own page."""

from collections.abc import Mapping

import httpx
import pytest
from litestar import Litestar, asgi, get, post
from litestar.config.cors import CORSConfig
from litestar.testing import TestClient
from litestar.types import Receive, Scope, Send

from shared.errors import Forbidden
from shared.health import Health
from shared.http.auth import (
    COOKIE,
    PUBLIC,
    check_scopes,
    require,
    require_key,
    scopes_of,
    session_token,
)
from shared.http.problem import MEDIA_TYPE, exception_handlers
from shared.http.same_site import SameSite, origins
from shared.keys import Credential
from shared.settings import SiteSettings

KEY = "s3cret-ünï"
PAGE = "http://localhost:3000"


@get("/words")
async def words() -> str:
    return "words"


@post("/upload")
async def upload() -> str:
    return "kept"


@get("/page", opt={PUBLIC: True})
async def page() -> str:
    return "page"


@asgi("/health", is_mount=True, copy_scope=True, opt={PUBLIC: True})
async def health(scope: Scope, receive: Receive, send: Send) -> None:
    await Health()(scope, receive, send)


def client(
    key: str = "", bind: str = "127.0.0.1", base: str = "http://127.0.0.1:3001"
) -> TestClient[Litestar]:
    site = SiteSettings(api_key=key, bind=bind)
    urls = [PAGE, "https://radio.example/echo"]
    app = Litestar(
        [words, upload, page, health],
        guards=[require_key(key)],
        middleware=[SameSite(site, urls)],
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
        ({"Cookie": sent(f"{COOKIE}={session_token(KEY)}")}, 200),
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


def test_what_is_public_needs_no_key():
    with client(KEY) as http:
        assert http.get("/page").status_code == 200
        assert http.get("/health/live").status_code == 200


def test_without_a_key_none_is_asked_for():
    with client() as http:
        assert http.get("/words").status_code == 200


def test_a_session_does_not_hold_the_key():
    assert KEY not in session_token(KEY)
    assert session_token(KEY) != session_token("other")


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
