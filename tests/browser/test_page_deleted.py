"""A row goes when its recording is deleted; without its audio it has nothing to play."""

from datetime import UTC, datetime

import pytest
from playwright.async_api import Browser, expect

from shared.bus import Bus
from shared.envelope import deleted_message
from shared.keeping import What
from shared.messages import Deleted
from tests.browser.conftest import Site
from tests.support.browser import row, state, watched
from tests.support.calls import Call

pytestmark = pytest.mark.browser


async def announce(bus: Bus, call: Call, what: What) -> None:
    event = Deleted(
        recording=call.recording,
        source=call.source,
        channel=call.channel,
        time=datetime.now(UTC),
        what=what,
        reason="request",
    )
    await bus.publish(deleted_message(event))


async def test_a_deleted_recording_leaves_the_page(site: Site, bus: Bus, browser: Browser) -> None:
    await site.start()
    async with watched(browser) as seen:
        page = seen.page
        await page.goto(site.url)
        await state(page, "live")
        gone, silent = Call(bus, "county", "EMS"), Call(bus, "county", "Fire")
        await gone.whole("Medic three en route")
        await silent.whole("Engine seven respond")
        await expect(row(page, gone.recording).locator(".words")).to_contain_text("Medic three")
        await expect(row(page, silent.recording).locator(".play")).to_be_visible()
        await announce(bus, gone, "all")
        await announce(bus, silent, "audio")
        await expect(row(page, gone.recording)).to_have_count(0)
        await expect(row(page, silent.recording).locator(".words")).to_contain_text("Engine seven")
        await expect(row(page, silent.recording).locator(".play")).to_be_hidden()
        await announce(bus, silent, "all")
        await expect(page.locator("#empty")).to_be_visible()
        assert seen.errors == []
