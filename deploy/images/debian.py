"""A base made by debootstrap: Debian with Python 3.11, where no registry can be reached."""

import shutil
from pathlib import Path

from deploy.images.command import ensure_programs, run
from deploy.images.recipes import BASE
from deploy.images.storage import Storage

SUITE = "bookworm"
"""The Debian whose Python is the official base's, 3.11."""
_PACKAGES = "python3,python3-venv,ca-certificates"
_NOT_NEEDED = ("debootstrap", "var/cache/apt", "var/lib/apt/lists", "var/log")


def ensure_base(storage: Storage, work: Path) -> None:
    """Make the base under the official base's name, unless it is there; needs root.

    Raises ImagesError.
    """
    if storage.has(BASE):
        return
    ensure_programs("debootstrap")
    root = work / "rootfs"
    shutil.rmtree(root, ignore_errors=True)
    run(["debootstrap", "--variant=minbase", f"--include={_PACKAGES}", SUITE, str(root)])
    for name in _NOT_NEEDED:
        shutil.rmtree(root / name, ignore_errors=True)
    for name in ("var/cache/apt/archives/partial", "var/lib/apt/lists/partial", "var/log"):
        (root / name).mkdir(parents=True)
    container = storage.call("from", "scratch")
    storage.call("add", "--quiet", container, str(root), "/")
    storage.call("commit", "--quiet", "--rm", "--timestamp", "0", container, BASE)
    shutil.rmtree(root)
