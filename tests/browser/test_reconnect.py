"""The page comes back by itself, from where it was, and says so."""

import asyncio

import pytest
from playwright.async_api import Browser, expect

from shared.bus import Bus
from shared.s3_store import S3Store
from tests.browser.conftest import Site
from tests.integration.stream.test_service import administer
from tests.support.browser import row, state, watched
from tests.support.calls import Call
from tests.support.servers import NatsFixture
from tests.support.spoken import heard
from tests.support.stream import DEADLINE

pytestmark = pytest.mark.browser


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


async def test_a_gap_is_said_and_filled_from_the_history(
    site: Site, bus: Bus, store: S3Store, nats: NatsFixture, browser: Browser
) -> None:
    """While the page was away its events were lost: the list is read again."""
    service = await site.start()
    async with watched(browser) as seen:
        page = seen.page
        await page.goto(site.url)
        await state(page, "live")
        first = await heard(bus, store, "county", "Fire", ("heard by the page", 0.9))
        await expect(row(page, first.recording)).to_contain_text("heard by the page")
        service.kill()
        await state(page, "lost")
        missed = await heard(bus, store, "county", "Fire", ("while it was away", 0.9))
        await administer(nats, "PURGE")
        await site.start()
        await expect(page.locator("#gap")).to_contain_text("The list was read again.")
        await expect(row(page, missed.recording)).to_contain_text(
            "while it was away", timeout=30_000
        )
        await state(page, "live")
        assert seen.refused_requests_aside() == []


async def test_a_pause_loses_nothing(site: Site, bus: Bus, browser: Browser) -> None:
    service = await site.start()
    before, during = Call(bus, "county", "Fire"), Call(bus, "county", "EMS")
    async with watched(browser) as seen:
        page = seen.page
        await page.goto(site.url)
        await state(page, "live")
        await before.queued()
        await before.started()
        await before.segment("one")
        await expect(row(page, before.recording)).to_contain_text("one")
        await page.keyboard.press("p")
        await expect(page.locator("#paused")).to_contain_text("0 events")
        await before.segment("two")
        await during.whole("meanwhile")
        await expect(page.locator("#paused")).to_contain_text("5 events of 1 new call are waiting")
        await expect(page.locator(".row")).to_have_count(1)
        await expect(row(page, before.recording).locator(".text")).to_have_text(["one"])
        # Being away costs nothing either.
        service.kill()
        await state(page, "lost")
        await before.segment("three")
        await site.start()
        await expect(page.locator("#paused")).to_contain_text("6 events")
        await page.get_by_role("button", name="Pause").click()
        await expect(page.locator("#paused")).to_be_hidden()
        await expect(row(page, during.recording)).to_contain_text("meanwhile")
        await expect(row(page, before.recording).locator(".text")).to_have_text(
            ["one", "two", "three"]
        )
        assert seen.refused_requests_aside() == []
