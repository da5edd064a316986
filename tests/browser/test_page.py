"""The page in a real Chromium, fed by real services."""

from datetime import UTC, datetime

import pytest
from playwright.async_api import expect

from shared.bus import Bus
from shared.envelope import deleted_message
from shared.keeping import What
from shared.messages import Deleted
from tests.browser.conftest import Desk
from tests.support.browser import row, state
from tests.support.calls import Call, silence

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]

NOTICE = "The small demonstration model knows a small radio vocabulary only."

EVIL = '<img src=x onerror="window.hacked=1">'


async def test_words_arrive_live(desk: Desk) -> None:
    async with desk.watched() as seen:
        page = seen.page
        await page.goto(desk.url)
        await state(page, "live")
        await expect(page.locator("#empty")).to_be_visible()
        older, call = desk.call("county", "EMS"), desk.call("county", "Fire Dispatch")
        await older.whole("Medic three en route")
        await call.queued()
        await expect(row(page, call.recording).locator(".state")).to_have_text("Waiting · 4.2 s")
        await call.started()
        await expect(row(page, call.recording).locator(".state")).to_have_text("Listening · 4.2 s")
        await call.segment("Engine seven respond", 0.95)
        await expect(row(page, call.recording).locator(".words")).to_contain_text(
            "Engine seven respond"
        )
        await call.segment("to <b>Oak</b> Street", 0.4)
        await expect(row(page, call.recording).locator(".words")).to_contain_text(
            "to <b>Oak</b> Street"
        )
        await expect(row(page, call.recording).locator("[data-shade='3']")).to_have_text(
            "Engine seven respond"
        )
        await expect(row(page, call.recording).locator("[data-shade='0']")).to_have_count(1)
        await expect(page.locator("#spoken")).to_contain_text("Fire Dispatch: Engine seven respond")
        await call.completed()
        await expect(row(page, call.recording).locator(".state")).to_have_text("4.2 s")
        # Under its channel, and the channel that had a call last first.
        await expect(page.locator(".heading .channel")).to_have_text(["Fire Dispatch", "EMS"])
        await expect(page.locator(".heading .number")).to_have_text(["1 call", "1 call"])
        await expect(page.locator("#empty")).to_be_hidden()
        seen.check()


async def test_what_was_there_before_the_page_is_shown(desk: Desk) -> None:
    call = desk.call()
    await call.whole("said before")
    failed = desk.call()
    await failed.queued()
    await failed.failed("The audio is damaged.")
    async with desk.watched() as seen:
        await seen.page.goto(desk.url)
        await expect(row(seen.page, call.recording).locator(".words")).to_contain_text(
            "said before"
        )
        await expect(row(seen.page, failed.recording).locator(".state")).to_contain_text("Failed")
        note = await row(seen.page, failed.recording).locator(".words").get_attribute("data-note")
        assert note == "The audio is damaged."
        await expect(seen.page.locator("#spoken")).to_be_empty()
        seen.check()


async def test_a_call_can_be_heard_by_keyboard(desk: Desk) -> None:
    call = desk.call()
    await call.store_recording(desk.store, silence(3.0))
    await call.whole("first words", "second words")
    async with desk.watched() as seen:
        page = seen.page
        await page.goto(desk.url)
        play = row(page, call.recording).locator(".play")
        await play.focus()
        await page.keyboard.press("Enter")
        await expect(play).to_have_attribute("aria-pressed", "true")
        await expect(row(page, call.recording).locator(".heard")).to_have_count(1)
        await page.keyboard.press("Enter")
        await expect(play).to_have_attribute("aria-pressed", "false")
        seen.check()


async def test_an_urgent_call_stands_out(desk: Desk) -> None:
    async with desk.watched() as seen:
        page = seen.page
        await page.goto(desk.url)
        await state(page, "live")
        urgent, plain = desk.call("county", "Fire", lane="urgent"), desk.call("county", "Fire")
        await plain.whole("Radio check")
        await urgent.whole("Mayday mayday")
        await expect(row(page, urgent.recording).locator(".urgent")).to_be_visible()
        await expect(row(page, plain.recording).locator(".urgent")).to_be_hidden()
        await expect(page.locator("#spoken")).to_contain_text("Urgent, Fire: Mayday mayday")
        seen.check()


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


async def test_a_deleted_recording_leaves_the_page(desk: Desk) -> None:
    async with desk.watched() as seen:
        page = seen.page
        await page.goto(desk.url)
        await state(page, "live")
        gone, silent = desk.call("county", "EMS"), desk.call("county", "Fire")
        await gone.whole("Medic three en route")
        await silent.whole("Engine seven respond")
        await expect(row(page, gone.recording).locator(".words")).to_contain_text("Medic three")
        await expect(row(page, silent.recording).locator(".play")).to_be_visible()
        await announce(desk.bus, gone, "all")
        await announce(desk.bus, silent, "audio")
        await expect(row(page, gone.recording)).to_have_count(0)
        await expect(row(page, silent.recording).locator(".words")).to_contain_text("Engine seven")
        await expect(row(page, silent.recording).locator(".play")).to_be_hidden()
        await announce(desk.bus, silent, "all")
        await expect(page.locator("#empty")).to_be_visible()
        assert seen.errors == []


async def test_the_policy_stops_what_gets_in(desk: Desk) -> None:
    """Were markup let through somewhere, its script would not run."""
    async with desk.watched() as seen:
        await seen.page.goto(desk.url)
        await state(seen.page, "live")
        await seen.page.evaluate(f"document.querySelector('main').innerHTML += {EVIL!r}")
        await expect(seen.page.locator("img[src=x]")).to_have_count(1)
        await seen.page.wait_for_function("document.querySelector('img[src=x]').complete")
        assert await seen.page.evaluate("window.hacked ?? 0") == 0
        assert any("Content Security Policy" in error for error in seen.errors)
