"""`make bench-page`: at how many frames a second ten thousand rows scroll in a real Chromium.

The page is served by the local stack, and follows it. What it lists is made up here, since only its
number counts; meanwhile a real recording is transcribed, so that words arrive in what scrolls.
"""

import asyncio
import json
import re
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec
from msgspec import Struct
from playwright.async_api import Page, Route
from rich.console import Console

from benchmarks.local_stack import running
from shared.stack import read_stack
from tests.support.browser import chromium, state, watched

ROWS = 10_000
BAR = 50.0
"""Frames a second that it must not fall below."""
BY_TIME = "?by=time"
SAMPLE = Path("deploy/local/samples/conversation.ogg")
_LISTED = re.compile(r"/v1/recordings(\?|$)")
_SAID = (
    "Engine seven respond to Oak Street",
    "Medic three is en route to County General with one patient, stable, twelve minutes out",
    "All units be advised, the hydrant on Birch is out of service",
)
_SCROLL = """count => new Promise(done => {
    const seen = new Set();
    const times = [];
    let drawn = 0;
    const frame = now => {
        times.push(now);
        const rows = document.querySelectorAll("#recordings > li");
        drawn = Math.max(drawn, rows.length);
        for (const row of rows) seen.add(row.id);
        if (times.length <= count) {
            // Down, and up again: rows are made on either side.
            scrollBy({ top: times.length % 200 < 150 ? 240 : -240, behavior: "instant" });
            requestAnimationFrame(frame);
            return;
        }
        const gaps = times.slice(1).map((time, at) => time - times[at]).sort((a, b) => a - b);
        done({
            rate: 1000 * count / (times[count] - times[0]),
            slowest: gaps[gaps.length - 1],
            percentile: gaps[Math.floor(gaps.length * 0.99)],
            most_drawn: drawn,
            rows_seen: seen.size,
        });
    };
    requestAnimationFrame(frame);
})"""


class Frames(Struct, frozen=True):
    """What happened while the page was scrolled, a step in each frame."""

    rate: float
    """Frames a second."""
    slowest: float
    """Milliseconds of the longest one."""
    percentile: float
    """Milliseconds that 99 of 100 took at most."""
    most_drawn: int
    """Rows that were in the document at once."""
    rows_seen: int

    def __str__(self) -> str:
        return (
            f"{self.rate:.1f} frames a second; 99 of 100 took {self.percentile:.1f} ms at most, the"
            f" longest {self.slowest:.1f} ms; {self.rows_seen} rows came by, {self.most_drawn} were"
            " in the document at most"
        )


async def listed(page: Page, rows: int = ROWS) -> None:
    """Have the history list so many recordings to a page, the newest first."""
    now = datetime.now(UTC)
    body = json.dumps(
        {
            "recordings": [_recording(number, now) for number in range(rows)],
            "next": None,
            "last_event_id": None,
        }
    )

    async def answer(route: Route) -> None:
        await route.fulfill(body=body, content_type="application/json")

    await page.route(_LISTED, answer)


async def frames(page: Page, count: int) -> Frames:
    """Scroll for so many frames."""
    return msgspec.convert(await page.evaluate(_SCROLL, count), Frames)


def _recording(number: int, now: datetime) -> dict[str, object]:
    received = now - timedelta(seconds=5 * (number + 1))
    return {
        "id": f"{number:032x}",
        "source": "county",
        "channel": f"Channel {number % 40}",
        "received": received.isoformat(),
        "duration": 4.2,
        "status": "completed",
        "version": 1,
        "corrected": number % 50 == 0,
        "confidence": 0.4 + number % 6 / 10,
        "needs_review": number % 6 == 0,
        "model": "demo",
        "text": f"{_SAID[number % len(_SAID)]}, call {number}",
        "text_cut": False,
        "segments": 1,
        "snippet": [],
        "audio_deleted": None,
    }


async def measure(count: int) -> Frames:
    """Scroll for so many frames, on a stack that transcribes meanwhile."""
    with TemporaryDirectory() as folder:
        settings = {"WHISPER_MODEL_NAME": "demo", "WHISPER_DEVICE": "cpu"}
        async with (
            running(Path(folder), settings) as stack,
            chromium() as browser,
            watched(browser) as seen,
        ):
            await listed(seen.page)
            described = read_stack(Path(folder))
            assert described is not None
            await seen.page.goto(f"{described.stream}/{BY_TIME}")
            await state(seen.page, "live")
            await seen.page.locator(f".row[aria-setsize='{ROWS}']").first.wait_for()
            await stack.client.upload(SAMPLE, {"source": "benchmark", "channel": "page"})
            return await frames(seen.page, count)


def main() -> None:
    """Print the figures; ends with status 1 below the bar."""
    found = asyncio.run(measure(900))
    Console().print(f"{ROWS} rows: {found}", highlight=False)
    sys.exit(0 if found.rate >= BAR else 1)


if __name__ == "__main__":
    main()
