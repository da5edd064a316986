"""The page in a real Chromium, fed by real services."""

import asyncio

import pytest
from playwright.async_api import Browser, expect

from shared.bus import Bus
from shared.messages import Word
from shared.s3_store import S3Store
from tests.browser.conftest import Site
from tests.support.browser import ARTIFACTS, Watched, row, state, watched
from tests.support.calls import Call, silence
from tests.support.stream import DEADLINE

pytestmark = pytest.mark.browser

KEY = "correct horse"
NOTICE = "The small demonstration model knows a small radio vocabulary only."


def blameless(watched: Watched) -> None:
    """The page logged no error and asked no other host for anything."""
    assert watched.errors == []
    assert watched.hosts == {"127.0.0.1"}


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
        await expect(row(page, call.recording).locator(".formats a")).to_have_count(4)
        await expect(page.locator(".row .channel")).to_have_text(["Fire Dispatch", "EMS"])
        await expect(page.locator("#empty")).to_be_hidden()
        blameless(seen)


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
        blameless(seen)


async def test_a_killed_service_costs_no_word(site: Site, bus: Bus, browser: Browser) -> None:
    service = await site.start()
    async with watched(browser) as seen:
        page = seen.page
        await page.goto(site.url)
        await state(page, "live")
        call = Call(bus)
        await call.queued()
        await call.started()
        await call.segment("one")
        await expect(row(page, call.recording).locator(".words")).to_contain_text("one")
        service.kill()
        await state(page, "lost")
        await call.segment("two")
        await call.segment("three")
        await site.start()
        await state(page, "live")
        await call.segment("four")
        await call.completed()
        await expect(row(page, call.recording).locator(".text")).to_have_text(
            ["one", "two", "three", "four"]
        )
        await expect(page.locator("#connection-text")).to_contain_text("reconnected")
        assert seen.refused_requests_aside() == []


async def test_it_comes_back_after_an_answer_that_is_no_stream(
    site: Site, bus: Bus, browser: Browser
) -> None:
    """A browser's own EventSource gives up for good on a 503, as a proxy may send it."""
    service = await site.start()
    async with watched(browser) as seen:
        await seen.page.goto(site.url)
        await state(seen.page, "live")
        service.kill()
        await refuse_until_asked(site.port, "/v1/events")
        call = Call(bus)
        await call.whole("after the storm")
        await site.start()
        await expect(row(seen.page, call.recording).locator(".words")).to_contain_text(
            "after the storm"
        )
        await state(seen.page, "live")
        assert seen.refused_requests_aside() == []


async def refuse_until_asked(port: int, path: str) -> None:
    """Answer 503 on a port until a path was asked for twice."""
    asked = asyncio.Semaphore(0)

    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 503 Away\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        await writer.drain()
        writer.close()
        if path.encode() in head:
            asked.release()

    async with await asyncio.start_server(refuse, "127.0.0.1", port):
        for _ in range(2):
            await asyncio.wait_for(asked.acquire(), DEADLINE)


async def test_the_key_is_asked_for_once(site: Site, bus: Bus, browser: Browser) -> None:
    await site.start(ECHOBASE_API_KEY=KEY)
    call = Call(bus)
    await call.whole("for those who know")
    async with watched(browser) as seen:
        page = seen.page
        await page.goto(site.url)
        await expect(page.get_by_role("dialog")).to_be_visible()
        await page.keyboard.type("wrong")
        await page.keyboard.press("Enter")
        await expect(page.locator("#login-error")).to_have_text("That is not the key.")
        await page.locator("#key").fill(KEY)
        await page.keyboard.press("Enter")
        await expect(row(page, call.recording).locator(".words")).to_contain_text(
            "for those who know"
        )
        await page.reload()
        await expect(row(page, call.recording).locator(".words")).to_contain_text(
            "for those who know"
        )
        await expect(page.get_by_role("dialog")).to_be_hidden()
        await page.get_by_role("button", name="Sign out").click()
        await expect(page.get_by_role("dialog")).to_be_visible()
        await state(page, "locked")
        assert seen.refused_requests_aside() == []


async def test_the_model_in_use_is_announced(site: Site, bus: Bus, browser: Browser) -> None:
    await bus.announce("transcriber", {"worker": "w", "model": "demo", "notice": NOTICE})
    await site.start()
    async with watched(browser) as seen:
        await seen.page.goto(site.url)
        await expect(seen.page.locator("#notice")).to_have_text(NOTICE)
        await expect(seen.page.locator("#figures")).to_contain_text("1 worker · demo")
        blameless(seen)


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
        blameless(seen)


async def test_how_it_looks(site: Site, bus: Bus, browser: Browser) -> None:
    """Both colour schemes, a wide screen and a phone's: nothing sticks out, and pictures stay."""
    await bus.announce("transcriber", {"worker": "w", "model": "demo", "notice": NOTICE})
    await site.start()
    await a_busy_morning(bus)
    ARTIFACTS.mkdir(exist_ok=True)
    for phone in (False, True):
        for dark in (False, True):
            async with watched(browser, phone=phone, dark=dark) as seen:
                page = seen.page
                await page.goto(site.url)
                await expect(page.locator(".row")).to_have_count(8)
                await expect(page.locator("#notice")).to_be_visible()
                width = "document.documentElement.scrollWidth - innerWidth"
                assert await page.evaluate(width) <= 0
                paper = await page.evaluate("getComputedStyle(document.body).backgroundColor")
                assert paper == ("rgb(17, 22, 23)" if dark else "rgb(245, 246, 244)")
                name = f"page-{'phone' if phone else 'wide'}-{'dark' if dark else 'light'}.png"
                await page.screenshot(path=ARTIFACTS / name)
                blameless(seen)


async def a_busy_morning(bus: Bus) -> None:
    """Eight calls, in every state that a call can be in."""
    for source, channel, said in (
        ("county", "Fire Ground 2", (("Engine seven on scene.", 0.93), ("Nothing showing.", 0.66))),
        ("county", "EMS", (("Medic three en route to County General.", 0.91),)),
        ("metro", "Police North", (("Traffic stop,", 0.88), ("plate seven kilo x-ray.", 0.44))),
    ):
        call = Call(bus, source, channel)
        await call.queued()
        await call.started()
        for text, confidence in said:
            await call.segment(text, confidence)
        await call.completed()
    long = Call(bus, "upload", "conversation", duration=184.0)
    await long.queued()
    await long.started()
    for number in range(12):
        await long.segment(f"Hydrant {number} is open, water on the way.", 0.6 + number / 30)
    await long.completed()
    failed = Call(bus, "upload", "default")
    await failed.queued()
    await failed.failed("The file holds no audio that can be decoded.")
    await Call(bus, "metro", "Tactical 4").whole()
    current = Call(bus, "county", "Fire Dispatch")
    await current.queued()
    await current.started()
    words = [
        Word(start=index * 0.3, end=index * 0.3 + 0.2, text=text, confidence=(0.97, 0.8)[index % 2])
        for index, text in enumerate(["Ladder", "two,", "respond", "with", "engine", "five", "to"])
    ]
    await current.segment(" ".join(word.text for word in words), 0.9, words)
    await Call(bus, "county", "Police East").queued()
