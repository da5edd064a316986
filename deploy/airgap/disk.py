"""Files that are there whole or not at all, whenever the power goes.

Everything that `apply` writes goes through here: into a draft beside its place, flushed to the
disk, renamed, and the folder flushed too. Drafts end in `.part`, which k3s does not import.
"""

import errno
import os
import shutil
from collections.abc import Generator, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from deploy.airgap.errors import NoRoom

DRAFT = ".part"
BLOCK = 1 << 20
_SPARE = 64 << 20
"""Bytes that a disk keeps free beyond what is written: the site has other work to do."""


@contextmanager
def room(folder: Path) -> Generator[None]:
    """Say plainly that the disk is full. Raises NoRoom."""
    try:
        yield
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        raise NoRoom(f"the disk of {folder} is full: make room and run it again") from None


def need(folder: Path, size: int) -> None:
    """Raise NoRoom unless the folder's disk has room for so many bytes more, and some to spare."""
    free = shutil.disk_usage(folder).free
    if free < size + _SPARE:
        short = (size + _SPARE - free + 999_999) // 1_000_000
        raise NoRoom(f"the disk of {folder} is too full: {short} MB more must be free")


def write(path: Path, content: Iterable[bytes], mode: int = 0o644) -> None:
    """Write a file; what was there before is there until the new one is whole on the disk."""
    draft = path.with_name(path.name + DRAFT)
    draft.unlink(missing_ok=True)
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, mode)
    try:
        for block in content:
            _write_all(descriptor, block)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    draft.replace(path)
    sync_folder(path.parent)


def append(path: Path, content: bytes) -> None:
    """Add to a file, and have it on the disk."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW, 0o644)
    try:
        _write_all(descriptor, content)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    sync_folder(path.parent)


def place(source: Path, target: Path) -> None:
    """Have a file in another place too: a hard link, or a copy if that is on another disk.

    Neither may be changed afterwards: both are replaced only.
    """
    draft = target.with_name(target.name + DRAFT)
    draft.unlink(missing_ok=True)
    try:
        os.link(source, draft, follow_symlinks=False)
    except OSError as error:
        if error.errno not in (errno.EXDEV, errno.EPERM, errno.EMLINK, errno.ENOTSUP):
            raise
        write(target, blocks(source))
        return
    draft.replace(target)
    # A rename of one link onto another of the same file does nothing, by POSIX: the draft stays.
    draft.unlink(missing_ok=True)
    sync_folder(target.parent)


def folder(path: Path) -> Path:
    """Make a folder, and those above it, and have them on the disk."""
    if not path.is_dir():
        folder(path.parent)
        path.mkdir(exist_ok=True)
        sync_folder(path.parent)
    return path


def remove(path: Path) -> None:
    """Remove a file or a folder with all that is in it, if it is there."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
    if path.parent.is_dir():
        sync_folder(path.parent)


def discard(path: Path) -> None:
    """Remove a folder so that it is never there in part, under its own name."""
    if path.exists():
        draft = path.with_name(f".{path.name}{DRAFT}")
        remove(draft)
        rename(path, draft)
        remove(draft)


def rename(source: Path, target: Path) -> None:
    """Give a file or folder its place."""
    source.replace(target)
    sync_folder(target.parent)


def blocks(path: Path) -> Iterator[bytes]:
    """A file's content."""
    with path.open("rb") as file:
        while block := file.read(BLOCK):
            yield block


def sync_folder(path: Path) -> None:
    """Have a folder's names on the disk."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _write_all(descriptor: int, content: bytes) -> None:
    view = memoryview(content)
    while view:
        view = view[os.write(descriptor, view) :]
