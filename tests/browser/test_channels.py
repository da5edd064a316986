"""Choosing channels, and an address that shows the same again."""

import re

import pytest
from playwright.async_api import Browser, Page, expect

from shared.bus import Bus
from shared.messages import Metadata
from shared.s3_store import S3Store
from tests.browser.conftest import Site
from tests.support.browser import state, watched
from tests.support.spoken import heard

pytestmark = pytest.mark.browser


async def known(page: Page, count: int) -> None:
    """Wait until the list is there."""
    await expect(page.locator(".row")).to_have_count(count)


async def test_channels_are_chosen_by_name_and_by_pattern(
    site: Site, bus: Bus, store: S3Store, browser: Browser
) -> None:
    await site.start()
    for source, channel in (
        ("county", "Fire Süd/1"),
        ("county", "Fire 2"),
        ("county", "EMS"),
        ("metro", "Fire Süd/1"),
        ("metro", "EMS"),
    ):
        await heard(bus, store, source, channel, (f"{source} {channel}", 0.9))
    async with watched(browser) as seen:
        page = seen.page
        await page.goto(site.url)
        await known(page, 5)
        await page.keyboard.press("c")
        await expect(page.locator(".choice .number")).to_have_text(["1 call"] * 5)
        await page.locator("#channel-look").fill("süd")
        choices = page.locator("#channel-list .choice")
        await expect(choices).to_have_count(2)
        await choices.nth(0).click()
        await page.locator("#channel-look").fill("metro ems")
        await choices.nth(0).click()
        await page.get_by_role("button", name="Show these").click()
        await known(page, 2)
        await state(page, "live")
        # Not every channel of these names, but these of these sources, in what comes too.
        await expect(page.locator(".chip")).to_have_text(
            [re.compile("county / Fire Süd/1 "), re.compile("metro / EMS ")]
        )
        await heard(bus, store, "county", "EMS", ("not asked for", 0.9))
        await heard(bus, store, "metro", "EMS", ("asked for", 0.9))
        await known(page, 3)
        await page.reload()
        await known(page, 3)
        await page.locator(".chip").first.click()
        await known(page, 2)
        await page.locator("#channels-button").click()
        await page.get_by_role("button", name="All channels").click()
        await known(page, 7)
        await page.locator("#channels-button").click()
        await page.locator("#channel-pattern").fill("*/Fire*")
        await page.keyboard.press("Enter")
        await known(page, 3)
        # A radio's channel is a number, which people call by a name.
        names: Metadata = {"talkgroup_label": "Fire Süd <1>", "system_label": "County"}
        await heard(bus, store, "7", "1201", ("by its name", 0.9), metadata=names)
        await page.goto(f"{site.url}/?source=7&channel=1201")
        await known(page, 1)
        await expect(page.locator(".heading h3")).to_have_text("Fire Süd <1> County")
        await expect(page.locator(".chip")).to_have_text(re.compile("^County / Fire Süd <1> "))
        await page.keyboard.press("c")
        await page.locator("#channel-look").fill("1201")
        await expect(choices).to_contain_text(["Fire Süd <1> County · 1201"])
        # An address that somebody wrote by hand.
        await page.goto(f"{site.url}/?source=metro&channel=Fire*")
        await known(page, 1)
        seen.check()
