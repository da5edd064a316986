"""Sees to a kustomize for the tests of the manifests: the machine's, or one fetched now.

    .venv/bin/python -m tests.support.install_kustomize

Debian 12's own is too old; the one of Debian 13 runs there too.
"""

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.support.debian import SUITE, unpack
from tests.support.kustomize import FETCHED, NoKustomize, find

PACKAGE = "kustomize"
_ADVICE = (
    "no kustomize 5 or later, and none could be had from Debian's archive: install kubectl 1.27"
    " or later, or kustomize, with your system's packages\n"
)


def main() -> int:
    """Returns the exit code."""
    try:
        find()
        return 0
    except NoKustomize:
        sys.stderr.write(f"No kustomize yet; fetching {PACKAGE} of Debian {SUITE}\n")
    try:
        fetch(FETCHED)
        find()
        return 0
    except (NoKustomize, OSError, subprocess.CalledProcessError) as error:
        sys.stderr.write(f"{error}\n{_ADVICE}")
        return 1


def fetch(target: Path) -> None:
    """Put the program there. Raises OSError, or CalledProcessError if apt fails."""
    with tempfile.TemporaryDirectory() as name:
        unpack(Path(name), PACKAGE)
        target.parent.mkdir(parents=True, exist_ok=True)
        draft = target.with_suffix(".new")
        shutil.copy(Path(name) / "usr" / "bin" / "kustomize", draft)
        draft.rename(target)


if __name__ == "__main__":
    sys.exit(main())
