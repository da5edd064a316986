"""Sees to a Go with nats.go for the test of the README's example, and compiles what it is made of.

    .venv/bin/python -m tests.support.install_go

Debian packages both; it needs no root (see `tests.support.debian`).
"""

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.support.debian import SUITE, unpack
from tests.support.go import FETCHED, PACKAGES, Go

_ADVICE = "no Go could be had from Debian's archive, which the README's example is compiled with\n"
_PROGRAM = 'package main\n\nimport _ "github.com/nats-io/nats.go"\n\nfunc main() {}\n'


def main() -> int:
    """Returns the exit code."""
    go = Go(FETCHED)
    if go.whole:
        return 0
    sys.stderr.write(f"No Go yet; fetching that of Debian {SUITE}\n")
    try:
        shutil.rmtree(FETCHED, ignore_errors=True)
        FETCHED.mkdir(parents=True)
        unpack(FETCHED, *PACKAGES)
        _warm(go)
        return 0
    except (AssertionError, OSError, subprocess.CalledProcessError) as error:
        sys.stderr.write(f"{error}\n{_ADVICE}")
        shutil.rmtree(FETCHED, ignore_errors=True)
        return 1


def _warm(go: Go) -> None:
    """Compile the libraries: that takes a while, and a test should not."""
    with tempfile.TemporaryDirectory() as name:
        (Path(name) / "main.go").write_text(_PROGRAM, "utf-8")
        go.run("go", "build", "-o", "main", ".", folder=Path(name))


if __name__ == "__main__":
    sys.exit(main())
