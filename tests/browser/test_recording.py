"""One recording: heard with its waveform, read along, corrected in place, compared, taken away."""

import pytest
from playwright.async_api import Page, expect

from tests.browser.conftest import Desk
from tests.support.browser import row, state
from tests.support.calls import Call, silence

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]

LINES = (("Engine heaven respond to Oak Street", 0.62), ("structure fire", 0.93), ("copy", 0.41))


async def opened(page: Page, desk: Desk, call: Call) -> None:
    """Open a recording from the list."""
    await page.goto(desk.url)
    await row(page, call.recording).locator(".words").click()
    await expect(page.locator("#transcript .line")).to_have_count(3)


async def test_words_light_up_as_they_are_spoken_and_a_click_seeks(desk: Desk) -> None:
    call = await desk.heard("county", "Fire Dispatch", *LINES)
    async with desk.watched() as seen:
        page = seen.page
        await opened(page, desk, call)
        assert page.url.endswith(f"&recording={call.recording}")
        await expect(page.locator("#waveform")).to_have_attribute("data-drawn", "true")
        await expect(page.locator("#recording-channel")).to_have_text("Fire Dispatch")
        shades = page.locator("#transcript [data-shade]")
        assert await shades.evaluate_all("all => all.map(each => each.dataset.shade).join('')") == (
            "1" * 6 + "33" + "0"
        )
        await page.locator("#transcript").get_by_text("structure", exact=True).click()
        play = page.locator("#recording-play")
        await expect(play).to_have_attribute("aria-pressed", "true")
        # It began at that word, and goes on to the next ones by itself.
        lit = page.locator("#transcript .lit")
        await expect(lit).to_have_text("copy")
        await play.click()
        await expect(play).to_have_attribute("aria-pressed", "false")
        await page.locator("#waveform").focus()
        await page.keyboard.press("Home")
        await expect(lit).to_have_text("Engine")
        await expect(page.locator("#waveform")).to_have_attribute("aria-valuetext", "0:00 of 0:05")
        await page.locator("#waveform").click(position={"x": 2, "y": 20})
        await expect(lit).to_have_text("Engine")
        formats = page.locator("#recording-formats a")
        await expect(formats).to_have_text(["txt", "srt", "vtt", "tsv", "json", "audio"])
        async with page.expect_download() as download:
            await formats.first.click()
        assert (await (await download.value).path()).read_text().startswith("Engine heaven")
        await page.keyboard.press("Escape")
        await expect(page.locator("#recording")).to_be_hidden()
        await expect(row(page, call.recording)).to_be_visible()
        assert page.url == desk.url
        seen.check()


async def test_a_correction_is_a_version_beside_the_other(desk: Desk) -> None:
    call = await desk.heard("county", "Fire Dispatch", *LINES)
    async with desk.watched() as seen:
        page = seen.page
        await opened(page, desk, call)
        second = await page.context.new_page()
        await second.goto(desk.url)
        await expect(row(second, call.recording)).to_contain_text("Engine heaven")
        await page.get_by_role("button", name="Correct", exact=True).click()
        lines = page.locator("#transcript textarea")
        await lines.first.fill("Engine seven respond to <b>Oak</b> Street")
        await page.locator("#recording-by").fill("kb")
        await page.get_by_role("button", name="Save").click()
        await expect(page.locator("#transcript .line").first).to_contain_text(
            "Engine seven respond to <b>Oak</b> Street"
        )
        for each in (page, second):
            await expect(row(each, call.recording)).to_contain_text("Engine seven")
            await expect(row(each, call.recording).locator(".tag")).to_have_text(["corrected"])
        await expect(page.locator("#recording-version option")).to_have_text(
            ["2: corrected by kb", "1: transcribed"]
        )
        await page.locator("#recording-beside").select_option("1")
        columns = page.locator(".column")
        await expect(columns.nth(0).locator(".differs")).to_have_text(["seven", "<b>Oak</b>"])
        await expect(columns.nth(1).locator(".differs")).to_have_text(["heaven", "Oak"])
        await page.locator("#recording-version").select_option("1")
        await expect(page.locator("#transcript .line").first).to_contain_text("heaven")
        assert page.url.endswith("&version=1")
        await page.reload()
        await expect(page.locator("#transcript .line").first).to_contain_text("heaven")
        # Version 1 is no longer the one to correct, and the service says so.
        await page.get_by_role("button", name="Correct", exact=True).click()
        await lines.first.fill("Engine eleven")
        await page.keyboard.press("Enter")
        await expect(page.locator("#recording-problem")).to_contain_text("kb")
        await expect(lines.first).to_have_value("Engine eleven")
        await lines.first.press("Escape")
        await expect(lines).to_have_count(0)
        assert seen.refused_requests_aside() == []


async def test_what_was_not_heard_is_added_and_what_is_right_is_said(desk: Desk) -> None:
    call = await desk.heard("county", "EMS", *LINES)
    right = await desk.heard("county", "Police", ("all quiet", 0.4), ("b", 0.4), ("c", 0.4))
    async with desk.watched() as seen:
        page = seen.page
        await opened(page, desk, call)
        await page.keyboard.press("e")
        lines = page.locator("#transcript textarea")
        await lines.nth(2).fill("")
        await page.locator("#transcript .at").nth(1).click()
        await page.get_by_role("button", name="Add a line here").click()
        await page.keyboard.type("and smoke")
        await page.keyboard.press("Enter")
        said = page.locator("#transcript .line .text")
        await expect(said).to_have_text(
            ["Engine heaven respond to Oak Street", "structure fire", "and smoke"]
        )
        await row(page, right.recording).locator(".words").click()
        await page.get_by_role("button", name="It is right as it is").click()
        await expect(row(page, right.recording).locator(".tag")).to_have_text(["corrected"])
        await expect(page.get_by_role("button", name="It is right as it is")).to_be_hidden()
        seen.check()


async def test_words_without_times_are_spread_over_their_segment(desk: Desk) -> None:
    call = desk.call("county", "EMS")
    await call.store_recording(desk.store, silence(4.0))
    await call.store_request(desk.store)
    await call.store_transcript(desk.store, "copy engine seven", "on scene")
    await call.whole("copy engine seven", "on scene")
    async with desk.watched() as seen:
        page = seen.page
        await page.goto(f"{desk.url}&recording={call.recording}")
        words = page.locator("#transcript .text [data-start]")
        await expect(words).to_have_text(["copy", "engine", "seven", "on", "scene"])
        # 1.5 seconds for 18 letters and spaces.
        starts = await words.evaluate_all("all => all.map(each => Number(each.dataset.start))")
        assert starts == pytest.approx([0, 5 / 12, 1, 2, 2.5])
        await words.nth(3).click()
        await page.locator("#recording-play").click()
        await expect(page.locator("#transcript .lit")).to_have_count(1)
        seen.check()


async def test_words_arrive_in_an_open_recording_too(desk: Desk) -> None:
    call = desk.call("county", "EMS")
    await call.store_recording(desk.store)
    async with desk.watched() as seen:
        page = seen.page
        await page.goto(desk.url)
        await state(page, "live")
        await call.queued()
        await row(page, call.recording).locator(".open").click()
        await call.started()
        await call.segment("Medic three")
        await expect(page.locator("#transcript .text")).to_have_text(["Medic three"])
        await call.segment("en route")
        await expect(page.locator("#transcript .text")).to_have_text(["Medic three", "en route"])
        await call.store_request(desk.store)
        await call.store_transcript(desk.store, "Medic three", "en route")
        await call.completed()
        await expect(page.locator("#recording-formats a")).to_have_count(6)
        await expect(page.locator("#recording-problem")).to_contain_text("cannot draw or play")
        assert seen.refused_requests_aside() == []
