"""Files that are dropped on the page, or chosen, reach a real ingest."""

from pathlib import Path

import pytest
from playwright.async_api import Browser, Page, expect

from shared.bus import Bus
from shared.s3_store import S3Store
from tests.browser.conftest import Site
from tests.support.browser import state, watched
from tests.support.calls import silence

pytestmark = pytest.mark.browser

KEY = "correct horse"


async def drop(page: Page, name: str, content: bytes) -> None:
    """Drop a file onto the page."""
    transfer = await page.evaluate_handle(
        """([name, bytes]) => {
            const transfer = new DataTransfer();
            transfer.items.add(new File([new Uint8Array(bytes)], name));
            return transfer;
        }""",
        [name, list(content)],
    )
    await page.dispatch_event("body", "dragenter", {"dataTransfer": transfer})
    await expect(page.locator("#drop")).to_be_visible()
    await page.dispatch_event("body", "drop", {"dataTransfer": transfer})


async def test_a_dropped_file_is_uploaded(
    site: Site, bus: Bus, store: S3Store, browser: Browser
) -> None:
    del bus, store
    await site.start()
    await site.start("ingest")
    async with watched(browser) as seen:
        page = seen.page
        await page.goto(site.url)
        await state(page, "live")
        await drop(page, "call.wav", silence(2.0))
        await expect(page.locator(".upload .outcome")).to_have_text("accepted")
        await expect(page.locator(".row .state")).to_have_text("Waiting · 2.0 s")
        await drop(page, "letter.txt", b"Dear dispatcher, this is no audio at all.")
        bad = page.locator(".upload[data-good='false']")
        await expect(bad.locator(".name")).to_have_text("letter.txt")
        await expect(bad.locator(".outcome")).to_contain_text("allowed are wav, ")
        assert (await bad.locator(".outcome").inner_text()).count("flac") == 1
        await bad.get_by_role("button", name="Dismiss").click()
        await expect(bad).to_have_count(0)
        assert seen.refused_requests_aside() == []
        assert seen.hosts == {"127.0.0.1"}


async def test_a_chosen_file_is_uploaded_with_the_sessions_key(
    site: Site, bus: Bus, store: S3Store, browser: Browser, tmp_path: Path
) -> None:
    del bus, store
    for service in ("stream", "ingest"):
        await site.start(service, ECHOBASE_API_KEY=KEY)
    path = tmp_path / "chosen.wav"
    path.write_bytes(silence(1.0))
    async with watched(browser) as seen:
        page = seen.page
        await page.goto(site.url)
        await page.locator("#key").fill(KEY)
        await page.keyboard.press("Enter")
        await state(page, "live")
        await page.set_input_files("#choose", path)
        await expect(page.locator(".upload .outcome")).to_have_text("accepted")
        await expect(page.locator(".row .state")).to_have_text("Waiting · 1.0 s")
        assert seen.refused_requests_aside() == []
