"""Files that survive a power cut: every write is followed down to the disk, folders included."""

import errno
import fcntl
import os
import shutil
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import cast

from shared.errors import Full

_NO_ROOM = (errno.ENOSPC, errno.EDQUOT)


def sync(descriptor: int) -> None:
    """Have an open file's content on the disk before this returns."""
    # macOS's fsync leaves it in the drive's own memory.
    full = cast(int | None, getattr(fcntl, "F_FULLFSYNC", None))
    if full is None:
        os.fsync(descriptor)
    else:
        fcntl.fcntl(descriptor, full)


def sync_folder(folder: Path) -> None:
    """Have a folder's list of names on the disk before this returns."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write(path: Path, data: bytes) -> None:
    """Write a file, durably once its folder is synced too."""
    with path.open("wb") as file:
        file.write(data)
        file.flush()
        sync(file.fileno())


def make_folder(folder: Path) -> None:
    """Make a folder and those above it, durably."""
    if not folder.is_dir():
        make_folder(folder.parent)
        folder.mkdir(exist_ok=True)
        sync_folder(folder.parent)


def move(source: Path, target: Path) -> bool:
    """Rename a folder, durably; False, and nothing done, if there is one of the target's name."""
    try:
        source.rename(target)
    except OSError as error:
        if error.errno in (errno.ENOTEMPTY, errno.EEXIST):
            return False
        raise
    sync_folder(target.parent)
    return True


def remove(folder: Path, aside: Path) -> None:
    """Remove a folder at once or not at all: it is renamed to `aside` first."""
    folder.rename(aside)
    sync_folder(folder.parent)
    shutil.rmtree(aside, ignore_errors=True)


def free(folder: Path) -> int:
    """Bytes that we may still write."""
    state = os.statvfs(folder)
    return state.f_bavail * state.f_frsize


def size(folder: Path) -> int:
    """Bytes of the files that lie directly in a folder."""
    return sum(path.stat().st_size for path in folder.iterdir())


@contextmanager
def no_room_is_full() -> Generator[None, None, None]:
    """Turn the operating system's "no space left" into Full."""
    try:
        yield
    except OSError as error:
        if error.errno in _NO_ROOM:
            raise Full("The disk of this node is full; the recording was not taken.") from error
        raise
