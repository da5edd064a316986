"""A real Chromium, driven by Playwright, and a page that is watched for what it must not do."""

import shutil
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from os import geteuid
from pathlib import Path
from urllib.parse import urlsplit

from playwright.async_api import (
    Browser,
    ConsoleMessage,
    Locator,
    Page,
    Request,
    async_playwright,
    expect,
)

ARTIFACTS = Path(__file__).parents[2] / "artifacts"
"""Where screenshots are kept."""

_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_QUIET = (
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-default-apps",
    "--disable-sync",
    "--no-first-run",
)


class NoBrowser(Exception):
    """There is no Chromium: `make test` installs one."""


def executable(playwrights_own: str) -> str:
    """The Chromium that Playwright installed, or the machine's. Raises NoBrowser."""
    for found in (playwrights_own, *map(shutil.which, _NAMES)):
        if found and Path(found).exists():
            return found
    raise NoBrowser(f"none of {', '.join(_NAMES)} is installed, nor Playwright's own")


@asynccontextmanager
async def chromium() -> AsyncGenerator[Browser]:
    """A Chromium of the test's own."""
    async with async_playwright() as playwright:
        # Its sandbox refuses to run as root, as which tests run in containers.
        sandbox = () if geteuid() else ("--no-sandbox",)
        browser = await playwright.chromium.launch(
            executable_path=executable(playwright.chromium.executable_path),
            args=[*_QUIET, *sandbox],
        )
        try:
            yield browser
        finally:
            await browser.close()


@dataclass
class Watched:
    """A page, and what it did that a good page does not do."""

    page: Page
    errors: list[str] = field(default_factory=list[str])
    """Errors on its console, and exceptions."""
    hosts: set[str] = field(default_factory=set[str])
    """Hosts that it asked for something."""

    def check(self) -> None:
        """The page logged no error, and asked no other host for anything."""
        assert not self.errors, self.errors
        assert self.hosts <= {"127.0.0.1"}, self.hosts

    def refused_requests_aside(self) -> list[str]:
        """Errors but those that the browser itself logs when a request fails."""
        return [error for error in self.errors if not error.startswith("Failed to load resource")]


@asynccontextmanager
async def watched(
    browser: Browser, *, phone: bool = False, dark: bool = False
) -> AsyncGenerator[Watched]:
    """A page in a fresh profile."""
    context = await browser.new_context(
        viewport={"width": 390, "height": 844} if phone else {"width": 1280, "height": 800},
        device_scale_factor=2 if phone else 1,
        color_scheme="dark" if dark else "light",
        locale="en-GB",
    )
    page = await context.new_page()
    found = Watched(page)

    def note(message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            found.errors.append(message.text)

    def asked(request: Request) -> None:
        if (parts := urlsplit(request.url)).scheme in ("http", "https"):
            found.hosts.add(parts.hostname or "")

    page.on("console", note)
    page.on("pageerror", lambda error: found.errors.append(str(error)))
    page.on("request", asked)
    try:
        yield found
    finally:
        await context.close()


def row(page: Page, recording: str) -> Locator:
    """The row of a recording."""
    return page.locator(f"#recording-{recording}")


async def state(page: Page, state: str) -> None:
    """Wait until the page says that its connection is in a state."""
    await expect(page.locator("#connection")).to_have_attribute("data-state", state, timeout=20_000)
