"""Swagger UI in a real browser: it shows the routes, and asks no other host for anything."""

import asyncio

import pytest
from litestar import Litestar, get
from playwright.async_api import Browser

from shared.http.docs import openapi_config, openapi_json
from shared.lifecycle import Lifecycle, address, listen
from shared.server import DrainingServer
from tests.support.browser import watched

pytestmark = pytest.mark.browser


@get("/v1/words", summary="The words")
async def words() -> str:
    """Words."""
    return "words"


async def test_the_documentation_works_offline(browser: Browser):
    app = Litestar(
        [words, openapi_json("/ingest")],
        path="/radio",
        openapi_config=openapi_config("EchoBase", "Words.", "/ingest"),
        logging_config=None,
    )
    life = Lifecycle("ingest", {})
    listener = listen(life.site, 0, "PORT")
    started = asyncio.Event()
    server = DrainingServer(app, "h11", cut_after=5, on_start=started.set)
    serving = asyncio.create_task(server.serve_until(life.stopping, listener))
    try:
        await started.wait()
        url = address(listener)
        async with watched(browser) as seen:
            await seen.page.goto(f"{url}/radio/ingest/docs")
            await seen.page.get_by_text("The words").click()
            await seen.page.get_by_role("button", name="Try it out").click()
            await seen.page.get_by_role("button", name="Execute", exact=True).click()
            answers = seen.page.locator(".live-responses-table .response-col_status")
            await answers.get_by_text("200").wait_for()
            assert seen.errors == []
            assert seen.hosts == {"127.0.0.1"}
    finally:
        life.stopping.set()
        await serving
