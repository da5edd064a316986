"""How the page looks, in pictures that stay, and what keeps people from using it."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.async_api import Browser, Page, expect

from shared.bus import Bus
from shared.s3_store import S3Store
from tests.browser.conftest import Site
from tests.support import browser as support
from tests.support.browser import ARTIFACTS, row, watched
from tests.support.calls import Call
from tests.support.morning import a_busy_morning

pytestmark = pytest.mark.browser

AXE = Path(support.__file__).with_name("axe")
PLANT = "document.querySelector('.bar').append(document.createElement('button'))"
RUN = """async () => (await axe.run(document, { resultTypes: ["violations"] })).violations
    .map(({ id, impact, nodes }) =>
        `${impact} ${id}: ${nodes.map((node) => node.html).join("  ")}`)"""
PAPER = "getComputedStyle(document.body).backgroundColor"
SERIOUS = ("critical", "serious")


async def faults(page: Page) -> list[str]:
    """What axe-core finds to be serious."""
    await page.evaluate((AXE / "axe.min.js").read_text())
    found: list[str] = await page.evaluate(RUN)
    return [each for each in found if each.startswith(SERIOUS)]


def test_axe_is_as_it_was_published():
    digest = hashlib.sha256((AXE / "axe.min.js").read_bytes()).hexdigest()
    assert f"{digest}  axe.min.js" in (AXE / "README.md").read_text()


async def test_how_it_looks(site: Site, bus: Bus, store: S3Store, browser: Browser) -> None:
    """Nothing sticks out, nothing is in anybody's way, and pictures stay."""
    await bus.announce(
        "transcriber", {"worker": "transcriber-1", "model": "medium.en", "device": "cuda"}
    )
    await site.start()
    await site.start("ingest")
    ARTIFACTS.mkdir(exist_ok=True)
    call = await a_busy_morning(bus, store)
    for phone in (False, True):
        for dark in (False, True):
            async with watched(browser, phone=phone, dark=dark) as seen:
                kind = f"{'phone' if phone else 'wide'}-{'dark' if dark else 'light'}"
                visit = Visit(seen.page, site.url, kind)
                await visit.walk(call)
                # What opens has no colors of its own, and no widths that depend on the scheme.
                if phone == dark:
                    await visit.open_everything(call)
                paper = await seen.page.evaluate(PAPER)
                assert paper == ("rgb(17, 22, 23)" if dark else "rgb(245, 246, 244)")
                seen.check()
                if phone == dark:
                    # The checker finds a planted fault.
                    await seen.page.evaluate(PLANT)
                    [fault] = await faults(seen.page)
                    assert fault.startswith("critical button-name")


@dataclass(frozen=True)
class Visit:
    """Somebody who looks at everything."""

    page: Page
    url: str
    kind: str

    async def look(self, name: str) -> None:
        """Keep a picture, and find no fault."""
        wider = await self.page.evaluate("document.documentElement.scrollWidth - innerWidth")
        assert wider <= 0, name
        await self.page.screenshot(path=ARTIFACTS / f"{name}-{self.kind}.png")
        assert await faults(self.page) == [], name

    async def walk(self, call: Call) -> None:
        """The list, and a recording."""
        page = self.page
        await page.goto(self.url)
        await expect(page.locator(".is-urgent")).to_be_visible()
        await self.look("page")
        await page.get_by_role("button", name="By time").click()
        await expect(page.locator(".heading")).to_have_count(0)
        await self.look("time")
        await self.look_at_recording(call)

    async def open_everything(self, call: Call) -> None:
        """The dialogs, and the corner."""
        page = self.page
        await page.goto(self.url)
        await expect(row(page, call.recording)).to_have_count(1)
        for key, name in (("c", "channels"), ("a", "alerts"), ("?", "keys")):
            await page.keyboard.press(key)
            await expect(page.locator("dialog[open]")).to_be_visible()
            await self.look(name)
            await page.keyboard.press("Escape")
            await expect(page.locator("dialog[open]")).to_have_count(0)
        await page.locator("#status-summary").click()
        await expect(page.locator("#status-panel")).to_contain_text("spool")
        await self.look("status")

    async def look_at_recording(self, call: Call) -> None:
        """One that is heard, and then corrected."""
        page = self.page
        await page.goto(f"{self.url}/?recording={call.recording}")
        await expect(page.locator("#waveform")).to_have_attribute("data-drawn", "true")
        await page.locator("#transcript").get_by_text("second").first.click()
        await expect(page.locator("#transcript .lit")).to_have_count(1)
        await page.locator("#recording-play").click()
        await self.look("recording")
        await page.get_by_role("button", name="Correct", exact=True).click()
        await self.look("correcting")
        await page.locator("#transcript textarea").first.press("Escape")
