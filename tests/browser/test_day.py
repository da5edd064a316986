"""What a page that stays open all day needs: pause, alerts, keys, long lists by channel."""

import pytest
from playwright.async_api import Page, expect

from tests.browser.conftest import Desk
from tests.support.browser import row, state

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]

SOUNDS = (
    "window.sounds = 0; const start = OscillatorNode.prototype.start;"
    "OscillatorNode.prototype.start = function (at) { window.sounds += 1; start.call(this, at); }"
)


async def live(page: Page, desk: Desk, query: str = "") -> None:
    """Open the page, and wait until it follows."""
    await page.goto(f"{desk.url}{query}")
    await state(page, "live")


async def test_a_keyword_is_pointed_out_with_a_sound(desk: Desk) -> None:
    async with desk.watched() as seen:
        page = seen.page
        await page.add_init_script(SOUNDS)
        past = desk.call("county", "Fire")
        await past.whole("structure fire of yesterday")
        await live(page, desk)
        await page.keyboard.press("a")
        await page.locator("#alert-words").fill("structure fire\nevac*")
        await page.get_by_label("with a sound").check()
        await page.get_by_role("button", name="Done").click()
        # Somebody who wants a sound hears it once.
        await page.wait_for_function("window.sounds === 2")
        call, other = desk.call("county", "Fire Dispatch"), desk.call("county", "EMS")
        await other.whole("the structure is on fire")
        await call.queued()
        await call.started()
        await call.segment("All units, Structure")
        await call.segment("fire! Evacuate now")
        alerts = page.locator("#alerted .alert")
        await expect(alerts).to_have_count(2)
        await expect(alerts.filter(has_text="structure fire")).to_contain_text("Fire Dispatch")
        await page.wait_for_function("window.sounds === 6")
        await expect(row(page, call.recording).locator(".tag")).to_have_text(
            ["structure fire", "evac*"]
        )
        await expect(row(page, other.recording).locator(".tag")).to_have_count(0)
        await expect(row(page, past.recording).locator(".tag")).to_have_count(0)
        await page.reload()
        await expect(page.locator("#alerts-button")).to_have_class("on")
        seen.check()


async def test_everything_is_done_with_keys(desk: Desk) -> None:
    calls = [desk.call("county", "Fire") for _ in range(3)]
    for call in calls:
        await call.whole(f"call {call.recording}")
    async with desk.watched() as seen:
        page = seen.page
        await live(page, desk)
        await expect(page.locator(".row")).to_have_count(3)
        await page.keyboard.press("?")
        dialog = page.get_by_role("dialog", name="Keys")
        await expect(dialog.locator("dd")).to_have_count(15)
        await page.keyboard.press("Escape")
        await expect(dialog).to_be_hidden()
        focused = page.locator(".row:focus-within")
        for key, call in (("j", calls[2]), ("j", calls[1]), ("ArrowDown", calls[0])):
            await page.keyboard.press(key)
            await expect(focused).to_have_id(f"recording-{call.recording}")
        await page.keyboard.press("k")
        await page.keyboard.press("Enter")
        recording = page.locator("#recording")
        await expect(recording).to_be_visible()
        await expect(recording).to_be_focused()
        await page.keyboard.press("Escape")
        await expect(recording).to_be_hidden()
        await expect(focused).to_have_id(f"recording-{calls[1].recording}")
        await page.keyboard.press("g")
        await expect(page.locator("#by-time")).to_have_attribute("aria-pressed", "true")
        assert page.url.endswith("&by=time")
        # Single keys are in the way of who speaks, and can be switched off.
        await page.keyboard.press("?")
        await dialog.get_by_label("single keys work").uncheck()
        await page.keyboard.press("Escape")
        await expect(dialog).to_be_hidden()
        await page.keyboard.press("g")
        await page.keyboard.press("ArrowUp")
        await expect(focused).to_have_id(f"recording-{calls[2].recording}")
        await expect(page.locator("#by-time")).to_have_attribute("aria-pressed", "true")
        assert seen.refused_requests_aside() == []


async def test_a_busy_channel_leaves_room_for_the_others(desk: Desk) -> None:
    await desk.call("county", "EMS").whole("medic")
    for number in range(8):
        await desk.call("county", "Fire").whole(f"call {number}")
    async with desk.watched() as seen:
        page = seen.page
        await live(page, desk)
        texts = page.locator(".row .text")
        newest = [f"call {number}" for number in (7, 6, 5, 4, 3)]
        await expect(texts).to_have_text([*newest, "medic"])
        more = page.get_by_role("button", name="Show all 8")
        await more.click()
        await expect(page.locator(".row")).to_have_count(9)
        await page.get_by_role("button", name="Show the newest only").click()
        await expect(page.locator(".row")).to_have_count(6)
        await page.get_by_role("button", name="By time").click()
        await expect(page.locator(".row")).to_have_count(9)
        await expect(page.locator(".heading")).to_have_count(0)
        await expect(page.locator(".row .channel").last).to_have_text("EMS")
        seen.check()
