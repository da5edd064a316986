"""Searching the history, choosing channels, and an address that shows the same again."""

import pytest
from playwright.async_api import Page, expect

from tests.browser.conftest import Desk
from tests.support.browser import row, state

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]


async def known(page: Page, count: int) -> None:
    """Wait until the list is there."""
    await expect(page.locator(".row")).to_have_count(count)


async def test_a_search_is_highlighted_and_stands_in_the_address(desk: Desk) -> None:
    fire = await desk.heard("county", "Fire", ("structure fire on <i>Oak</i> Street", 0.9))
    doubted = await desk.heard("county", "EMS", ("the fire is out", 0.3))
    await desk.heard("metro", "Police", ("all quiet", 0.9))
    async with desk.watched() as seen:
        page = seen.page
        await page.goto(desk.url)
        await known(page, 3)
        await page.keyboard.press("/")
        await page.keyboard.type("oak FIRE")
        await known(page, 1)
        found = row(page, fire.recording)
        await expect(found.locator("mark")).to_have_text(["fire", "Oak"])
        await expect(found.locator(".words")).to_have_text("structure fire on <i>Oak</i> Street")
        assert page.url.endswith("&q=oak+FIRE")
        await found.locator(".words").click()
        await expect(page.locator("#transcript mark")).to_have_text(["fire", "<i>Oak</i>"])
        await page.reload()
        await expect(found.locator("mark")).to_have_text(["fire", "Oak"])
        await page.get_by_role("button", name="Close").click()
        await page.locator("#q").fill("nothing like it")
        await expect(page.locator("#empty")).to_contain_text("Nothing was found.")
        await page.locator("#q").fill("ev*")
        await expect(page.locator("#problem")).to_contain_text("too short")
        await page.get_by_role("button", name="Clear").click()
        await known(page, 3)
        await expect(page.locator("#problem")).to_be_hidden()
        await page.get_by_role("button", name="Needs review").click()
        await known(page, 1)
        await expect(row(page, doubted.recording).locator(".tag")).to_have_text(["review"])
        await page.go_back()
        await known(page, 3)
        # It follows what is live again.
        live = await desk.heard("county", "Fire", ("engine seven", 0.9))
        await expect(row(page, live.recording)).to_contain_text("engine seven")
        assert seen.refused_requests_aside() == []
        assert seen.hosts == {"127.0.0.1"}


async def test_what_is_new_does_not_come_into_a_search(desk: Desk) -> None:
    await desk.heard("county", "Fire", ("structure fire", 0.9))
    async with desk.watched() as seen:
        page = seen.page
        await page.goto(f"{desk.url}&q=fire")
        await known(page, 1)
        await state(page, "live")
        await desk.heard("county", "Fire", ("engine seven", 0.9))
        later = await desk.heard("county", "EMS", ("medic three", 0.9))
        await page.get_by_role("button", name="Clear").click()
        await expect(row(page, later.recording)).to_contain_text("medic three")
        await known(page, 3)
        seen.check()
