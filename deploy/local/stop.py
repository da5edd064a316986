"""`make stop`: ends the local stack of the data folder politely, and waits until it has ended."""

import os
import signal
import sys
import time

from deploy.local.folder import is_claimed
from shared import settings
from shared.settings import SiteSettings
from shared.stack import read_stack


def main() -> int:
    """Returns the exit code."""
    site = settings.load(SiteSettings, settings.environment())
    stack = read_stack(site.data)
    if stack is None or not is_claimed(site.data):
        sys.stdout.write(f"no stack runs in {site.data.absolute()}\n")
        return 0
    os.kill(stack.supervisor, signal.SIGTERM)
    deadline = time.monotonic() + site.grace + 20
    while is_claimed(site.data):
        if time.monotonic() > deadline:
            sys.stderr.write(f"process {stack.supervisor} does not end\n")
            return 1
        time.sleep(0.1)
    sys.stdout.write("stopped\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
