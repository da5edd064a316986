"""What only a real HTTP server shows of the parts that both services share."""

import asyncio
from collections.abc import AsyncIterator

import httpx
import pytest
from litestar import Litestar, Request, get, post
from litestar.datastructures import State
from litestar.response import Stream

from shared.http.problem import MEDIA_TYPE, exception_handlers
from shared.http.same_site import SameSite
from shared.lifecycle import Lifecycle, address, listen
from shared.server import DrainingServer
from tests.support.access import gate

KEY = "clé-鍵"


@post("/size")
async def size(request: Request[object, object, State]) -> int:
    return len(await request.body())


@get("/endless")
async def endless() -> Stream:
    async def ticks() -> AsyncIterator[bytes]:
        while True:
            yield b"tick"
            await asyncio.sleep(0.01)

    return Stream(ticks(), media_type="text/event-stream")


@get("/words")
async def words() -> str:
    return "words"


@pytest.fixture
async def server() -> AsyncIterator[str]:
    """The address of a server with one route."""
    life = Lifecycle("ingest", {"ECHOBASE_API_KEY": KEY})
    app = Litestar(
        [size, words, endless],
        guards=[gate(KEY).guard],
        middleware=[SameSite(life.site, [])],
        exception_handlers=exception_handlers(),
        request_max_body_size=1000,
        openapi_config=None,
        logging_config=None,
    )
    listener = listen(life.site, 0, "PORT")
    started = asyncio.Event()
    running = DrainingServer(app, "h11", cut_after=5, on_start=started.set)
    serving = asyncio.create_task(running.serve_until(life.stopping, listener))
    await started.wait()
    yield address(listener)
    life.stopping.set()
    await serving


async def chunked(parts: int) -> AsyncIterator[bytes]:
    for _ in range(parts):
        yield bytes(100)


async def test_a_key_of_any_script(server: str):
    async with httpx.AsyncClient(base_url=server) as http:
        for name, value in (("X-API-Key", KEY), ("Authorization", f"Bearer {KEY}")):
            headers = [(name.encode(), value.encode())]
            assert (await http.post("/size", headers=headers)).status_code == 201
        assert (await http.post("/size")).status_code == 401


async def test_a_body_whose_length_is_not_told_is_limited_too(server: str):
    headers = [(b"X-API-Key", KEY.encode())]
    async with httpx.AsyncClient(base_url=server, headers=headers) as http:
        assert (await http.post("/size", content=chunked(9))).json() == 900
        answer = await http.post("/size", content=chunked(11))
        assert answer.status_code == 413
        assert answer.headers["content-type"] == MEDIA_TYPE


async def test_every_refusal_is_a_problem(server: str):
    async with httpx.AsyncClient(base_url=server) as http:
        for answer, status in (
            (await http.get("/none"), 404),
            (await http.get("/size"), 405),
            (await http.post("/size"), 401),
            (await http.post("/size", headers={"Host": "evil.example"}), 421),
            (await http.post("/size", headers={"Origin": "https://evil.example"}), 403),
        ):
            assert answer.status_code == status
            assert answer.headers["content-type"] == MEDIA_TYPE
            assert answer.json()["status"] == status


async def test_the_body_of_a_client_that_offers_http_2_arrives(server: str):
    # Java's HttpClient, hence SDRTrunk, does so; uvicorn with httptools would lose the body.
    headers = [
        (b"X-API-Key", KEY.encode()),
        (b"Connection", b"Upgrade, HTTP2-Settings"),
        (b"Upgrade", b"h2c"),
        (b"HTTP2-Settings", b"AAEAAEAAAAIAAAABAAMAAABkAAQBAAAAAAUAAEAA"),
    ]
    async with httpx.AsyncClient(base_url=server, headers=headers) as http:
        assert (await http.post("/size", content=bytes(500))).json() == 500


async def test_head_is_get_without_its_body(server: str):
    async with httpx.AsyncClient(base_url=server, headers=[(b"X-API-Key", KEY.encode())]) as http:
        for _ in range(2):  # the second on the same connection
            answer = await http.head("/words")
            assert (answer.status_code, answer.content) == (200, b"")
            assert answer.headers["content-length"] == "5"
        assert (await http.get("/words")).text == "words"
        assert (await http.head("/size")).status_code == 405
        assert (await http.head("/endless")).headers["content-type"].startswith("text/event-stream")
