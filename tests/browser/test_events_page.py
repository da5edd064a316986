"""The page of the messages in a real browser: styled, in light and dark, and asking nobody."""

import asyncio
from typing import Literal

import pytest
from litestar import Litestar
from playwright.async_api import Browser

from services.stream.events_page.routes import asyncapi_yaml, events_page
from shared.lifecycle import Lifecycle, address, listen
from shared.server import DrainingServer
from tests.support.browser import ARTIFACTS, watched
from tests.support.contract import PLACE

pytestmark = pytest.mark.browser
_BACKGROUND = "getComputedStyle(document.body).backgroundColor"
_WIDER = "document.documentElement.scrollWidth > document.documentElement.clientWidth"


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_it_works_offline_in_light_and_dark(
    browser: Browser, scheme: Literal["light", "dark"]
):
    app = Litestar([events_page, asyncapi_yaml], path="/radio", logging_config=None)
    life = Lifecycle("stream", {})
    listener = listen(life.site, 0, "PORT")
    started = asyncio.Event()
    server = DrainingServer(app, "h11", cut_after=5, on_start=started.set)
    serving = asyncio.create_task(server.serve_until(life.stopping, listener))
    try:
        await started.wait()
        async with watched(browser) as seen:
            page = seen.page
            await page.emulate_media(color_scheme=scheme)
            await page.set_viewport_size({"width": 1100, "height": 1400})
            await page.goto(f"{address(listener)}/radio/docs/events")
            dark = scheme == "dark"
            assert await page.evaluate(_BACKGROUND) == (
                "rgb(17, 22, 23)" if dark else "rgb(245, 246, 244)"
            )
            await page.screenshot(path=ARTIFACTS / f"events-{scheme}.png")
            await page.get_by_role("link", name="segment", exact=True).click()
            await page.get_by_role("heading", name="segment", exact=True).wait_for()
            await page.set_viewport_size({"width": 380, "height": 800})
            assert not await page.evaluate(_WIDER)
            await page.screenshot(path=ARTIFACTS / f"events-narrow-{scheme}.png")
            async with page.expect_download() as downloading:
                await page.get_by_role("link", name="asyncapi.yaml").click()
            assert (await (await downloading.value).path()).read_text("utf-8") == PLACE.read_text(
                "utf-8"
            )
            assert seen.errors == []
            assert seen.hosts == {"127.0.0.1"}
    finally:
        life.stopping.set()
        await serving
