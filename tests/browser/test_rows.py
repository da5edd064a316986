"""Ten thousand rows: few of them are in the document, wherever one scrolls."""

import pytest
from playwright.async_api import expect

from benchmarks.page import BY_TIME, ROWS, frames, listed
from tests.browser.conftest import Desk
from tests.support.browser import row, state

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]

MOST = 120
"""Rows that may be in the document."""
DRAWN = "document.querySelectorAll('#recordings > li').length"


async def test_ten_thousand_rows_scroll(desk: Desk) -> None:
    async with desk.watched() as seen:
        page = seen.page
        await listed(page)
        await page.goto(f"{desk.site.url}/{BY_TIME}")
        await state(page, "live")
        first = page.locator(".row").first
        await expect(first).to_have_attribute("aria-setsize", str(ROWS))
        found = await frames(page, 120)
        print(found)  # noqa: T201 - a figure for people, which depends on the machine
        assert 0 < found.most_drawn <= MOST
        assert found.rows_seen > 150
        # To the very end, which is the oldest one.
        await page.evaluate("scrollTo(0, document.documentElement.scrollHeight)")
        await expect(page.locator(f".row[aria-posinset='{ROWS}']")).to_contain_text("call 9999")
        assert await page.evaluate(DRAWN) <= MOST
        seen.check()


async def test_who_reads_further_down_stays_there(desk: Desk) -> None:
    async with desk.watched() as seen:
        page = seen.page
        await listed(page, 1_000)
        await page.goto(f"{desk.site.url}/{BY_TIME}")
        await state(page, "live")
        await expect(page.locator(".row").first).to_have_attribute("aria-setsize", "1000")
        await page.evaluate("scrollTo(0, 9_000)")
        middle = page.locator(".row:nth-child(12)")
        await expect(middle).not_to_have_attribute("aria-posinset", "12")
        # In one look: rows change places until the page has settled.
        name, place = await middle.evaluate("row => [row.id, Number(row.ariaPosInSet)]")
        assert place > 50
        same = page.locator(f"#{name}")
        before = await same.bounding_box()
        call = desk.call("county", "Fire")
        await call.whole("something new", "of two lines")
        await expect(same).to_have_attribute("aria-posinset", str(place + 1))
        after = await same.bounding_box()
        assert before is not None
        assert after is not None
        assert abs(before["y"] - after["y"]) < 2
        await expect(row(page, call.recording)).to_have_count(0)
        await page.evaluate("scrollTo(0, 0)")
        await expect(row(page, call.recording)).to_contain_text("something new")
        seen.check()
