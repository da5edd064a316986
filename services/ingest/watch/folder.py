"""The watched folder on the disk. Blocking.

Every file is reached from the folder down, name by name, and no name may be a symbolic link: what
somebody puts into the folder must not make us read what lies elsewhere. The folder itself may be
reached by one.
"""

import os
import stat
from collections.abc import Generator, Iterable, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import NamedTuple

from services.ingest.watch.names import Group, Stamp, split

TAKEN = ".taken"
REFUSED = ".refused"
"""Folders within the watched one to which files are moved."""

_OPEN_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
# Not blocking, since what is no plain file may be a pipe that nobody writes to.
_OPEN_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


class Changed(Exception):
    """The file is no longer the one that was looked at."""


class OpenFile:
    """A file of the folder while it is read."""

    def __init__(self, descriptor: int, stamp: Stamp) -> None:
        self._descriptor = descriptor
        self._stamp = stamp

    def read(self, most: int) -> bytes:
        """The next bytes; none at its end. Raises OSError."""
        return os.read(self._descriptor, most)

    def check(self) -> None:
        """Raises Changed unless it is a plain file, and as it was when it was looked at."""
        found = os.fstat(self._descriptor)
        stamp = Stamp(found.st_size, found.st_mtime_ns)
        if not stat.S_ISREG(found.st_mode) or stamp != self._stamp:
            raise Changed

    def close(self) -> None:
        """Close it."""
        os.close(self._descriptor)


class Listing(NamedTuple):
    """What lies directly in a folder."""

    files: Mapping[str, Mapping[str, Stamp]]
    """By stem, the files that count by their endings."""
    folders: list[str]
    """Relative to the watched one."""


class WatchedFolder:
    """One folder and all below it."""

    def __init__(self, path: Path) -> None:
        """It need not be there."""
        self.path = path

    def identity(self) -> tuple[int, int]:
        """Another one if something else was mounted there. Raises OSError."""
        found = self.path.stat()
        return found.st_dev, found.st_ino

    def list(self, folder: str) -> Listing:
        """What a folder holds. Raises OSError."""
        files: dict[str, dict[str, Stamp]] = {}
        folders: list[str] = []
        with self._folder(folder) as descriptor, os.scandir(descriptor) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    if not entry.name.startswith("."):
                        folders.append(f"{folder}/{entry.name}" if folder else entry.name)
                elif (parts := split(entry.name)) and entry.is_file(follow_symlinks=False):
                    stamp = _stamp(entry.name, descriptor)
                    # An empty file is one that nobody has written to yet.
                    if stamp is not None and stamp.size:
                        files.setdefault(parts[0], {})[parts[1]] = stamp
        return Listing(files, folders)

    def look(self, group: Group, suffixes: Iterable[str]) -> dict[str, Stamp]:
        """The files of a group that are there and can be reached, of these endings."""
        files: dict[str, Stamp] = {}
        try:
            with self._folder(group.folder) as descriptor:
                for suffix in suffixes:
                    stamp = _stamp(group.stem + suffix, descriptor)
                    if stamp is not None and stamp.size:
                        files[suffix] = stamp
        except OSError:
            return {}
        return files

    def is_folder(self, path: str) -> bool:
        """Whether there is a folder of this path."""
        try:
            with self._folder(path):
                return True
        except OSError:
            return False

    def open(self, group: Group, suffix: str, stamp: Stamp) -> OpenFile:
        """A file to be read. Raises Changed, OSError."""
        try:
            with self._folder(group.folder) as folder:
                descriptor = os.open(group.stem + suffix, _OPEN_FILE, dir_fd=folder)
        except FileNotFoundError as error:
            raise Changed from error
        file = OpenFile(descriptor, stamp)
        try:
            file.check()
        except BaseException:
            file.close()
            raise
        return file

    def read(self, group: Group, suffix: str, stamp: Stamp, most: int) -> bytes:
        """A whole file, or its first `most` bytes. Raises Changed, OSError."""
        found = bytearray()
        with closing(self.open(group, suffix, stamp)) as file:
            while len(found) < most and (data := file.read(most - len(found))):
                found += data
            file.check()
        return bytes(found)

    def delete(self, group: Group, files: Mapping[str, Stamp]) -> None:
        """Remove those of these files that are as they were. Raises OSError."""
        with self._folder(group.folder) as folder:
            for suffix, stamp in files.items():
                if _stamp(group.stem + suffix, folder) == stamp:
                    os.unlink(group.stem + suffix, dir_fd=folder)

    def move(self, group: Group, files: Mapping[str, Stamp], place: str) -> None:
        """Move those of these files that are as they were to TAKEN or REFUSED. Raises OSError.

        They get another name, all the same one, if there are such already.
        """
        target = f"{place}/{group.folder}" if group.folder else place
        with self._folder(group.folder) as folder, self._folder(target, make=True) as there:
            stem = _free_stem(group.stem, files, there)
            for suffix, stamp in files.items():
                if _stamp(group.stem + suffix, folder) == stamp:
                    os.rename(
                        group.stem + suffix, stem + suffix, src_dir_fd=folder, dst_dir_fd=there
                    )

    @contextmanager
    def _folder(self, folder: str, *, make: bool = False) -> Generator[int]:
        descriptor = os.open(self.path, _OPEN_FOLDER)
        try:
            for name in folder.split("/") if folder else ():
                if make:
                    _make(name, descriptor)
                inner = os.open(name, _OPEN_FOLDER | os.O_NOFOLLOW, dir_fd=descriptor)
                os.close(descriptor)
                descriptor = inner
            yield descriptor
        finally:
            os.close(descriptor)


def _make(name: str, parent: int) -> None:
    try:
        os.mkdir(name, dir_fd=parent)
    except FileExistsError:
        return


def _stamp(name: str, folder: int) -> Stamp | None:
    try:
        found = os.stat(name, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return None
    return Stamp(found.st_size, found.st_mtime_ns) if stat.S_ISREG(found.st_mode) else None


def _free_stem(stem: str, suffixes: Iterable[str], folder: int) -> str:
    there = set(os.listdir(folder))
    count = 1
    free = stem
    while any(free + suffix in there for suffix in suffixes):
        count += 1
        free = f"{stem} ({count})"
    return free
