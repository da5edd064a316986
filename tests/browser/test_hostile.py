"""Whatever was said, or is said of a call, is text: nothing of it becomes part of the page."""

import pytest
from playwright.async_api import Browser, expect

from shared.bus import Bus
from shared.messages import Metadata
from shared.s3_store import S3Store
from tests.browser.conftest import Site
from tests.support.browser import row, state, watched
from tests.support.calls import Call
from tests.support.spoken import heard

pytestmark = pytest.mark.browser

EVIL = '<img src=x onerror="window.hacked=1">'
MADE = "[window.hacked ?? 0, document.querySelectorAll('img[src=x]').length]"


async def test_markup_in_what_is_shown_stays_text(
    site: Site, bus: Bus, store: S3Store, browser: Browser
) -> None:
    await site.start()
    names: Metadata = {"talkgroup_label": f"Fire {EVIL}", "system_label": EVIL, EVIL: EVIL}
    past = await heard(
        bus, store, EVIL, f"{EVIL} 7", (f"smoke {EVIL} showing", 0.9), metadata=names
    )
    async with watched(browser) as seen:
        page = seen.page
        await page.add_init_script(
            f"localStorage.setItem('echobase.alerts', JSON.stringify({{ words: [{EVIL!r}] }}))"
        )
        await page.goto(site.url)
        await state(page, "live")
        await expect(row(page, past.recording)).to_contain_text(EVIL)
        live = Call(bus, "county", EVIL, metadata=names)
        await live.queued()
        await live.started()
        await live.segment(f"alert {EVIL}")
        await expect(row(page, live.recording)).to_contain_text(f"alert {EVIL}")
        await expect(page.locator("#alerted .alert")).to_contain_text(EVIL)
        await live.failed(EVIL)
        await expect(row(page, live.recording).locator(".words")).to_have_attribute(
            "data-note", EVIL
        )
        await row(page, past.recording).locator(".open").click()
        await expect(page.locator("#transcript .text")).to_have_text(f"smoke {EVIL} showing")
        await expect(page.locator("#recording-facts")).to_contain_text(EVIL)
        await page.get_by_role("button", name="Correct", exact=True).click()
        await page.locator("#transcript textarea").fill(f"fire {EVIL}")
        await page.locator("#recording-by").fill(EVIL)
        await page.get_by_role("button", name="Save").click()
        await expect(page.locator("#transcript .text")).to_have_text(f"fire {EVIL}")
        await page.locator("#recording-beside").select_option("1")
        await expect(page.locator(".column").nth(1)).to_contain_text(f"smoke {EVIL} showing")
        await page.get_by_role("button", name="Close").click()
        await page.locator("#q").fill("onerror")
        await expect(page.locator(".row mark")).to_have_text(["onerror"])
        await page.keyboard.press("Escape")
        await page.locator("#channels-button").click()
        await expect(page.locator("#channel-list")).to_contain_text(EVIL)
        await page.locator("#channel-list input").first.check()
        await page.get_by_role("button", name="Show these").click()
        await expect(page.locator(".chip")).to_contain_text(EVIL)
        assert await page.evaluate(MADE) == [0, 0]
        assert seen.hosts == {"127.0.0.1"}
        assert seen.refused_requests_aside() == []
