"""`python -m shared.reload services.NAME`."""

import asyncio
import importlib.util
import sys

from shared.reload.reloader import Reloader

if __name__ == "__main__":
    if len(sys.argv) != 2 or not importlib.util.find_spec(sys.argv[1]):
        sys.exit("usage: python -m shared.reload services.NAME")
    sys.exit(asyncio.run(Reloader(sys.argv[1]).run()))
