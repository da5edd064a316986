"""The page in a real Chromium, fed by real services."""

import pytest
from playwright.async_api import Browser, expect

from shared.bus import Bus, Message
from shared.messages import Job, Options, encode
from shared.s3_store import S3Store
from tests.browser.conftest import Site
from tests.support.browser import row, state, watched
from tests.support.calls import Call, silence

pytestmark = pytest.mark.browser

NOTICE = "The small demonstration model knows a small radio vocabulary only."


async def test_words_arrive_live(site: Site, bus: Bus, browser: Browser) -> None:
    await site.start()
    async with watched(browser) as seen:
        page = seen.page
        await page.goto(site.url)
        await state(page, "live")
        await expect(page.locator("#empty")).to_be_visible()
        older, call = Call(bus, "county", "EMS"), Call(bus, "county", "Fire Dispatch")
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


async def test_what_was_there_before_the_page_is_shown(
    site: Site, bus: Bus, browser: Browser
) -> None:
    await site.start()
    call = Call(bus)
    await call.whole("said before")
    failed = Call(bus)
    await failed.queued()
    await failed.failed("The audio is damaged.")
    async with watched(browser) as seen:
        await seen.page.goto(site.url)
        await expect(row(seen.page, call.recording).locator(".words")).to_contain_text(
            "said before"
        )
        await expect(row(seen.page, failed.recording).locator(".state")).to_contain_text("Failed")
        note = await row(seen.page, failed.recording).locator(".words").get_attribute("data-note")
        assert note == "The audio is damaged."
        await expect(seen.page.locator("#spoken")).to_be_empty()
        seen.check()


async def test_the_model_in_use_is_announced(site: Site, bus: Bus, browser: Browser) -> None:
    await bus.announce("transcriber", {"worker": "w", "model": "demo", "notice": NOTICE})
    await site.start()
    async with watched(browser) as seen:
        await seen.page.goto(site.url)
        await expect(seen.page.locator("#notice")).to_have_text(NOTICE)
        await expect(seen.page.locator("#status-summary")).to_contain_text("1 worker · demo")
        seen.check()


async def test_a_call_can_be_heard_by_keyboard(
    site: Site, bus: Bus, store: S3Store, browser: Browser
) -> None:
    await site.start()
    call = Call(bus)
    await call.store_recording(store, silence(3.0))
    await call.whole("first words", "second words")
    async with watched(browser) as seen:
        page = seen.page
        await page.goto(site.url)
        play = row(page, call.recording).locator(".play")
        await play.focus()
        await page.keyboard.press("Enter")
        await expect(play).to_have_attribute("aria-pressed", "true")
        await expect(row(page, call.recording).locator(".heard")).to_have_count(1)
        await page.keyboard.press("Enter")
        await expect(play).to_have_attribute("aria-pressed", "false")
        seen.check()


async def test_an_urgent_call_stands_out(site: Site, bus: Bus, browser: Browser) -> None:
    await site.start()
    async with watched(browser) as seen:
        page = seen.page
        await page.goto(site.url)
        await state(page, "live")
        urgent, plain = Call(bus, "county", "Fire", lane="urgent"), Call(bus, "county", "Fire")
        await plain.whole("Radio check")
        await urgent.whole("Mayday mayday")
        await expect(row(page, urgent.recording).locator(".urgent")).to_be_visible()
        await expect(row(page, plain.recording).locator(".urgent")).to_be_hidden()
        await expect(page.locator("#spoken")).to_contain_text("Urgent, Fire: Mayday mayday")
        seen.check()


async def test_the_corner_tells_of_the_whole_system(
    site: Site, bus: Bus, store: S3Store, browser: Browser
) -> None:
    del store
    await bus.announce("transcriber", {"worker": "test", "model": "demo", "device": "cpu"})
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
        summary = page.locator("#status-summary")
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
