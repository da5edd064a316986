"""The corner that tells how the system does."""

import pytest
from playwright.async_api import Browser, expect

from shared.bus import Bus, Message
from shared.messages import Job, Options, encode
from shared.s3_store import S3Store
from tests.browser.conftest import Site
from tests.support.browser import state, watched
from tests.support.calls import Call

pytestmark = pytest.mark.browser

NOTICE = "The small demonstration model knows a small radio vocabulary only."


async def test_the_corner_tells_of_the_whole_system(
    site: Site, bus: Bus, store: S3Store, browser: Browser
) -> None:
    del store
    worker = {"worker": "test", "model": "demo", "device": "cpu", "notice": NOTICE}
    await bus.announce("transcriber", worker)
    await site.start()
    await site.start("ingest")
    await Call(bus).whole("words")
    job = Job(
        recording="0" * 32,
        version=1,
        source="county",
        channel="fire",
        lane="urgent",
        audio="nothing",
        duration=1.0,
        options=Options(),
    )
    await bus.publish(Message("echobase.jobs.urgent", encode(job), {}))
    await bus.publish(Message("echobase.dead.test", b"{}", {}))
    async with watched(browser) as seen:
        page = seen.page
        await page.goto(site.url)
        await state(page, "live")
        await expect(page.locator("#notice")).to_have_text(NOTICE)
        summary = page.locator("#status-summary")
        await expect(summary).to_contain_text("1 worker · demo")
        await expect(summary).to_contain_text("1 waiting")
        await expect(summary).to_contain_text("1 failed")
        await summary.click()
        told = page.locator("#status-panel")
        # 4.2 seconds of audio in half a second of work.
        await expect(told).to_contain_text("8.4\N{MULTIPLICATION SIGN} real time")
        for text in ("urgent1", "dead letters1", "spool: waiting0", "testdemo · cpu"):
            await expect(told).to_contain_text(text)
        await page.keyboard.press("Escape")
        await expect(told).to_be_hidden()
        seen.check()
