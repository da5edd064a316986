"""The documentation comes from the package, and stays with it."""

import hashlib
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from litestar import Litestar, get
from litestar.testing import TestClient

import shared.http
from shared.http.auth import PUBLIC, TOKENS, require
from shared.http.docs import openapi_config, openapi_json
from shared.http.problem import MEDIA_TYPE, exception_handlers
from shared.http.scopes import ScopesDocumented
from tests.support.access import gate

FOLDER = Path(shared.http.__file__).parent / "swagger_ui"


@get("/v1/words", opt=require("read"))
async def words() -> str:
    """Words."""
    return "words"


@get("/v1/live", opt={**require("read"), TOKENS: True})
async def live() -> str:
    return "live"


@get("/v1/secret")
async def secret() -> str:
    return "secret"


@get("/session", opt={PUBLIC: True})
async def session() -> str:
    return "session"


@pytest.fixture(params=["", "/radio"])
def base(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(params=["", "/ingest"])
def prefix(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def client(base: str, prefix: str) -> Iterator[TestClient[Litestar]]:
    app = Litestar(
        [words, live, secret, session, openapi_json(prefix)],
        path=base,
        guards=[gate("key").guard],
        plugins=[ScopesDocumented()],
        exception_handlers=exception_handlers(),
        openapi_config=openapi_config("EchoBase", "Words.", prefix),
        logging_config=None,
    )
    with TestClient(app, raise_server_exceptions=False) as client:
        yield client


@pytest.mark.parametrize("slash", ["", "/"])
def test_the_page_and_all_it_refers_to_come_from_this_host(
    client: TestClient[Litestar], base: str, prefix: str, slash: str
):
    page = client.get(f"{base}{prefix}/docs{slash}")
    assert page.status_code == 200
    assert page.headers["content-type"].startswith("text/html")
    assert "default-src 'none'" in page.headers["content-security-policy"]
    references = re.findall(r'(?:src|href)="([^"]*)"', page.text)
    assert len(references) == 4
    assert "//" not in page.text
    for reference in references:
        if reference == "data:,":
            continue
        found = client.get(str(page.url.join(reference)))
        assert found.status_code == 200, reference
        assert found.content == (FOLDER / reference.rpartition("/")[2]).read_bytes()
        assert found.headers["x-content-type-options"] == "nosniff"
    description = client.get(str(page.url.join(references[-1]).join("openapi.json")))
    assert description.json() == client.get(f"{base}{prefix}/openapi.json").json()


def test_the_description_has_the_routes_and_the_key(
    client: TestClient[Litestar], base: str, prefix: str
):
    found = client.get(f"{base}{prefix}/openapi.json")
    assert found.headers["content-type"].startswith("application/vnd.oai.openapi+json")
    described = found.json()
    assert f"{base}/v1/words" in described["paths"]
    assert described["paths"][f"{base}/v1/words"]["get"]["description"] == "Words."
    schemes = set(described["components"]["securitySchemes"])
    assert schemes == {"key", "bearer", "session", "token"}


def test_each_operation_says_which_scopes_it_asks_for(
    client: TestClient[Litestar], base: str, prefix: str
):
    paths = client.get(f"{base}{prefix}/openapi.json").json()["paths"]

    def asked(path: str) -> list[dict[str, list[str]]]:
        return paths[base + path]["get"]["security"]

    assert asked("/v1/words") == [{"key": ["read"]}, {"bearer": ["read"]}, {"session": ["read"]}]
    assert asked("/v1/live")[3:] == [{"token": ["read"]}]
    assert asked("/v1/secret")[0] == {"key": ["admin"]}
    assert asked("/session") == [{}]
    assert {"401", "403", "429"} <= set(paths[f"{base}/v1/words"]["get"]["responses"])


def test_what_is_not_there_is_a_problem(client: TestClient[Litestar], base: str, prefix: str):
    for path in ("/docs/none", "/docs/none.json", "/none", ""):
        found = client.get(base + prefix + path)
        assert found.status_code == 404, path
        assert found.headers["content-type"] == MEDIA_TYPE


def test_the_files_are_those_that_were_published():
    sums = re.findall(r"^([0-9a-f]{64})  (\S+)$", (FOLDER / "README.md").read_text(), re.MULTILINE)
    assert {name for _, name in sums} == {"swagger-ui.css", "swagger-ui-bundle.js"}
    for expected, name in sums:
        assert hashlib.sha256((FOLDER / name).read_bytes()).hexdigest() == expected
