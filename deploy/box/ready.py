"""`python -m deploy.box.ready RECIPE`: waits for the S3 server, and tells it to write through."""

import os
import sys
import time
from pathlib import Path

from deploy.box.recipe import read
from deploy.local.folder import credentials
from deploy.local.servers import S3Server

_POLL = 0.05
_PATIENCE = 100.0
"""Seconds; systemd's own are a few more."""


def main(path: Path, data: Path) -> int:
    """Returns the exit code: 0 once it answers."""
    recipe = read(path)
    server = S3Server(data / "store", recipe.port, recipe.inner_ports, credentials(data))
    deadline = time.monotonic() + _PATIENCE
    while not server.ready():
        if time.monotonic() > deadline:
            sys.stderr.write(f"echobase: the store does not answer within {_PATIENCE:g} s\n")
            return 1
        time.sleep(_POLL)
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), Path(os.environ["ECHOBASE_DATA"])))
