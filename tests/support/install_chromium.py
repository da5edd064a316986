"""Sees to a Chromium for the browser tests: the machine's, Playwright's, or one installed now.

.venv/bin/python -m tests.support.install_chromium
"""

import os
import shutil
import subprocess
import sys

from playwright.sync_api import sync_playwright

from tests.support.browser import NoBrowser, executable

_ADVICE = (
    "no Chromium, and none could be installed: install chromium with your system's packages,"
    " or run `.venv/bin/playwright install chromium`"
)


def main() -> int:
    """Returns the exit code."""
    if found():
        return 0
    for command in attempts():
        sys.stderr.write(f"No Chromium yet; trying: {' '.join(command)}\n")
        env = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
        if subprocess.run(command, env=env, stdin=subprocess.DEVNULL).returncode == 0 and found():
            return 0
    sys.stderr.write(f"{_ADVICE}\n")
    return 1


def found() -> bool:
    """Whether the tests would find one."""
    with sync_playwright() as playwright:
        try:
            executable(playwright.chromium.executable_path)
        except NoBrowser:
            return False
    return True


def attempts() -> list[list[str]]:
    """What may be tried here: the system's own comes with the libraries that it needs."""
    commands: list[list[str]] = []
    if shutil.which("apt-get") and os.geteuid() == 0:
        commands.append(["apt-get", "install", "-y", "--no-install-recommends", "chromium"])
        commands.append(["sh", "-c", f"apt-get update && {' '.join(commands[0])}"])
    commands.append([sys.executable, "-m", "playwright", "install", "chromium"])
    return commands


if __name__ == "__main__":
    sys.exit(main())
