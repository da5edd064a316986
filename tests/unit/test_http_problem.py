"""Every error of an HTTP service is a problem (RFC 9457)."""

import logging
from collections.abc import Iterator

import pytest
from litestar import Litestar, get, post
from litestar.openapi.spec import OpenAPIResponse
from litestar.params import FromPath, FromQuery, JSONBody
from litestar.testing import TestClient

from shared.errors import BusUnavailable, Full, NotAudio, StoreUnavailable, TooLarge, Unauthorized
from shared.http.problem import MEDIA_TYPE, ProblemError, exception_handlers, problems


@post("/numbers/{n:int}", responses=problems(400, 413, 507), summary="Count")
async def numbers(n: FromPath[int], q: FromQuery[int], data: JSONBody[dict[str, int]]) -> int:
    """Count."""
    return n + q + len(data)


RAISED: dict[str, Exception] = {
    "not-audio": NotAudio("This is text.", field="file", limit="wav, mp3"),
    "too-large": TooLarge("Too long.", field="file", limit="4 h"),
    "unauthorized": Unauthorized("No key.", field="X-API-Key"),
    "full": Full("No room."),
    "bus": BusUnavailable("NATS is away."),
    "store": StoreUnavailable("S3 is away."),
    "gone": ProblemError(410, "It failed.", code="failed"),
    "conflict": ProblemError(409, "Not yet."),
    "bug": KeyError("secret-internals"),
}


@get("/raise/{name:str}")
async def raises(name: FromPath[str]) -> None:
    raise RAISED[name]


def application() -> Litestar:
    return Litestar(
        [numbers, raises],
        exception_handlers=exception_handlers(),
        request_max_body_size=100,
        logging_config=None,
    )


@pytest.fixture
def client() -> Iterator[TestClient[Litestar]]:
    with TestClient(application(), raise_server_exceptions=False) as client:
        yield client


@pytest.mark.parametrize(
    ("name", "body", "headers"),
    [
        (
            "not-audio",
            {
                "type": "urn:echobase:not-audio",
                "title": "Unsupported Media Type",
                "status": 415,
                "detail": "This is text.",
                "field": "file",
                "limit": "wav, mp3",
            },
            {},
        ),
        (
            "too-large",
            {
                "type": "urn:echobase:too-large",
                "title": "Request Entity Too Large",
                "status": 413,
                "detail": "Too long.",
                "field": "file",
                "limit": "4 h",
            },
            {},
        ),
        (
            "unauthorized",
            {
                "type": "urn:echobase:unauthorized",
                "title": "Unauthorized",
                "status": 401,
                "detail": "No key.",
                "field": "X-API-Key",
            },
            {"www-authenticate": "Bearer"},
        ),
        (
            "full",
            {
                "type": "urn:echobase:full",
                "title": "Insufficient Storage",
                "status": 507,
                "detail": "No room.",
            },
            {},
        ),
        (
            "store",
            {
                "type": "urn:echobase:store-unavailable",
                "title": "Service Unavailable",
                "status": 503,
                "detail": "S3 is away.",
            },
            {"retry-after": "5"},
        ),
        (
            "gone",
            {"type": "urn:echobase:failed", "title": "Gone", "status": 410, "detail": "It failed."},
            {},
        ),
        ("conflict", {"title": "Conflict", "status": 409, "detail": "Not yet."}, {}),
    ],
)
def test_an_error_of_ours(
    client: TestClient[Litestar], name: str, body: dict[str, object], headers: dict[str, str]
):
    answer = client.get(f"/raise/{name}")
    assert answer.json() == {"type": "about:blank"} | body
    assert answer.status_code == body["status"]
    assert answer.headers["content-type"] == MEDIA_TYPE
    assert headers.items() <= dict(answer.headers).items()


def test_a_bug_is_logged_and_tells_nothing(
    client: TestClient[Litestar], caplog: pytest.LogCaptureFixture
):
    with caplog.at_level(logging.ERROR):
        answer = client.get("/raise/bug")
    assert answer.status_code == 500
    assert answer.headers["content-type"] == MEDIA_TYPE
    assert "secret-internals" not in answer.text
    [record] = caplog.records
    assert record.exc_info
    assert record.exc_info[0] is KeyError


def test_a_path_that_is_none(client: TestClient[Litestar]):
    for path in ("/none", "/numbers/x"):
        answer = client.post(path)
        assert answer.status_code == 404
        assert answer.headers["content-type"] == MEDIA_TYPE
        assert answer.json()["title"] == "Not Found"
        assert answer.json()["detail"] == f"There is nothing at {path!r}."


def test_a_method_that_is_none(client: TestClient[Litestar]):
    answer = client.put("/numbers/1")
    assert answer.status_code == 405
    assert answer.headers["content-type"] == MEDIA_TYPE
    assert "POST" in answer.headers["allow"]
    allowed = answer.headers["allow"]
    assert answer.json()["detail"] == f"'/numbers/1' takes {allowed}, not PUT."


def test_what_does_not_fit_names_the_field(client: TestClient[Litestar]):
    answer = client.post("/numbers/1", json={})
    assert (answer.status_code, answer.json()["field"]) == (400, "q")
    answer = client.post("/numbers/1?q=x", json={})
    assert (answer.status_code, answer.json()["field"]) == (400, "q")
    assert answer.json()["detail"] == "q: Expected `int`, got `str`"
    assert answer.headers["content-type"] == MEDIA_TYPE


def test_a_body_that_does_not_decode(client: TestClient[Litestar]):
    answer = client.post(
        "/numbers/1?q=1", content=b"{", headers={"content-type": "application/json"}
    )
    assert answer.status_code == 400
    assert answer.headers["content-type"] == MEDIA_TYPE


def test_a_body_that_is_too_large(client: TestClient[Litestar]):
    answer = client.post("/numbers/1?q=1", json={"x" * 200: 1})
    assert answer.status_code == 413
    assert answer.headers["content-type"] == MEDIA_TYPE


def test_the_problems_are_in_the_description():
    openapi = application().openapi_schema
    assert openapi.paths
    operation = openapi.paths["/numbers/{n}"].post
    assert operation
    assert operation.responses
    assert set(operation.responses) == {"201", "400", "413", "507"}
    for status in ("400", "413", "507"):
        response = operation.responses[status]
        assert isinstance(response, OpenAPIResponse)
        assert response.content
        assert list(response.content) == [MEDIA_TYPE]
    described = openapi.components.schemas["Problem"]
    assert described.properties
    assert set(described.properties) == {"type", "title", "status", "detail", "field", "limit"}
