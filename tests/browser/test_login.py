"""Signing in and out, and what a page shows once its key is over."""

from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest
from playwright.async_api import Browser, Page, expect

from shared.api_key import KeyRecord
from shared.bus import Bus
from shared.key_keeper import KEY
from shared.key_value import KeyValue
from shared.s3_store import S3Store
from shared.topology import KEYS
from tests.browser.conftest import Site
from tests.support.access import made
from tests.support.browser import row, state, watched
from tests.support.calls import Call, silence
from tests.support.spoken import heard

pytestmark = pytest.mark.browser


async def put(bus: Bus, record: KeyRecord) -> None:
    await KeyValue(bus, KEYS).put(f"{KEY}{record.id}", msgspec.json.encode(record))


async def sign_in(page: Page, key: str) -> None:
    await expect(page.get_by_role("dialog")).to_be_visible()
    await page.locator("#key").fill(key)
    await page.keyboard.press("Enter")


async def test_a_key_signs_in_and_signing_out_ends_every_tab(
    site: Site, bus: Bus, browser: Browser
) -> None:
    (key, record), (sender, other) = made("read", id="1"), made("ingest", id="2")
    await put(bus, other)
    await put(bus, record)
    await site.start()
    call = Call(bus)
    await call.whole("for those who know")
    async with watched(browser) as seen:
        page = seen.page
        await page.goto(site.url)
        await sign_in(page, "ebk_nonsense")
        await expect(page.locator("#login-error")).to_have_text("That is not the key.")
        await sign_in(page, sender)
        await expect(page.locator("#login-error")).to_have_text("That key may not read.")
        await sign_in(page, key)
        await state(page, "live")
        await expect(row(page, call.recording)).to_contain_text("for those who know")
        # What a key may not do is not offered.
        await expect(page.locator(".choose")).to_be_hidden()
        second = await page.context.new_page()
        await second.goto(site.url)
        await state(second, "live")
        await second.get_by_role("button", name="Sign out").click()
        for each in (second, page):
            await expect(each.get_by_role("dialog")).to_be_visible()
            await expect(each.locator(".row")).to_have_count(0)
        assert seen.refused_requests_aside() == []
        assert seen.hosts == {"127.0.0.1"}


async def test_a_revoked_key_leaves_no_words_on_the_screen(
    site: Site, bus: Bus, browser: Browser
) -> None:
    key, record = made("read")
    await put(bus, record)
    await site.start()
    call = Call(bus)
    await call.whole("for those who know")
    async with watched(browser) as seen:
        page = seen.page
        await page.goto(site.url)
        await sign_in(page, key)
        await expect(row(page, call.recording)).to_contain_text("for those who know")
        await put(bus, msgspec.structs.replace(record, revoked=datetime.now(UTC)))
        await expect(page.get_by_role("dialog")).to_be_visible()
        await expect(page.locator(".row")).to_have_count(0)
        assert seen.refused_requests_aside() == []


async def test_an_upload_that_comes_too_soon_waits_its_turn(
    site: Site, bus: Bus, store: S3Store, browser: Browser, tmp_path: Path
) -> None:
    del store
    key, record = made("read", "ingest")
    await put(bus, record)
    await site.start()
    await site.start("ingest", ECHOBASE_RATE_LIMIT="1/3 seconds")
    paths = [tmp_path / "one.wav", tmp_path / "two.wav"]
    for path, seconds in zip(paths, (1.0, 2.0), strict=True):
        path.write_bytes(silence(seconds))
    async with watched(browser) as seen:
        page = seen.page
        await page.goto(site.url)
        await sign_in(page, key)
        await state(page, "live")
        await page.set_input_files("#choose", paths)
        outcomes = page.locator(".upload .outcome")
        await expect(outcomes.get_by_text("waiting its turn")).to_have_count(1)
        await expect(page.locator(".row")).to_have_count(2)
        assert seen.refused_requests_aside() == []


async def test_who_may_only_read_is_not_asked_to_correct(
    site: Site, bus: Bus, store: S3Store, browser: Browser
) -> None:
    key, record = made("read")
    await put(bus, record)
    await site.start()
    call = await heard(bus, store, "county", "EMS", ("medic three", 0.9))
    async with watched(browser) as seen:
        page = seen.page
        # A link to a recording is good after the sign-in too.
        await page.goto(f"{site.url}/?recording={call.recording}")
        await sign_in(page, key)
        await state(page, "live")
        await expect(page.locator("#transcript .line")).to_have_count(1)
        await expect(page.locator("#recording-correct")).to_be_hidden()
        await page.keyboard.press("e")
        await expect(page.locator("#transcript textarea")).to_have_count(0)
        assert seen.refused_requests_aside() == []
