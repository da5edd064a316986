"""A simulated power cut: a folder as it was when it was last synced.

A process that records has every `os.fsync` noted: of a file its content, of a folder its list of
names. Whatever was never synced is not there after the cut, or is there empty, as on a disk that
keeps its promises and no more. The notes outlive the process, which is killed.
"""

import os
import shutil
import stat
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from unittest import mock

import msgspec
from msgspec import Struct

_TOP = "top"


class _Name(Struct, frozen=True):
    """What a folder's list of names leads to."""

    key: str
    is_folder: bool


_Names = dict[str, _Name]


class Shadow:
    """The last synced state of one folder, kept in another."""

    def __init__(self, folder: Path, notes: Path) -> None:
        """`notes` is made if it is missing; it lies on any disk but inside `folder`."""
        self._folder = folder.absolute()
        self._notes = notes
        self._lock = threading.Lock()
        notes.mkdir(parents=True, exist_ok=True)

    def install(self) -> None:
        """Have this process's `os.fsync` noted, until the process ends."""
        real: Callable[[int], None] = os.fsync

        def noted(descriptor: int) -> None:
            real(descriptor)
            self.note(descriptor)

        mock.patch.object(os, "fsync", noted).start()

    def note(self, descriptor: int) -> None:
        """Note what an open file or folder holds now."""
        state = os.fstat(descriptor)
        with self._lock:
            if stat.S_ISDIR(state.st_mode):
                self._write(self._key(state), msgspec.json.encode(_names(descriptor)))
            elif stat.S_ISREG(state.st_mode):
                self._write(_key_of(state), _content(descriptor))

    def cut(self) -> None:
        """Put the folder back to its last synced state. No process may use it."""
        made = self._folder.with_name(f"{self._folder.name}.restored")
        made.mkdir()
        self._build(_TOP, made)
        shutil.rmtree(self._folder, ignore_errors=True)
        made.rename(self._folder)
        shutil.rmtree(self._notes)
        self._notes.mkdir()
        self._note_all(self._folder)

    def _build(self, key: str, target: Path) -> None:
        for name, leads_to in self._names(key).items():
            path = target / name
            if leads_to.is_folder:
                path.mkdir()
                self._build(leads_to.key, path)
            else:
                path.write_bytes(self._read(leads_to.key) or b"")

    def _note_all(self, path: Path) -> None:
        descriptor = os.open(path, os.O_RDONLY)
        try:
            self.note(descriptor)
        finally:
            os.close(descriptor)
        if path.is_dir():
            for each in path.iterdir():
                self._note_all(each)

    def _key(self, state: os.stat_result) -> str:
        try:
            if os.path.samestat(state, self._folder.stat()):
                return _TOP
        except FileNotFoundError:
            pass
        return _key_of(state)

    def _names(self, key: str) -> Mapping[str, _Name]:
        found = self._read(key)
        return {} if found is None else msgspec.json.decode(found, type=_Names)

    def _read(self, key: str) -> bytes | None:
        try:
            return (self._notes / key).read_bytes()
        except FileNotFoundError:
            return None

    def _write(self, key: str, content: bytes) -> None:
        # By a rename: the process may be killed in the middle.
        draft = self._notes / f".{key}"
        draft.write_bytes(content)
        draft.rename(self._notes / key)


def _key_of(state: os.stat_result) -> str:
    # A number that is used again belongs to a file that is noted again, if it is ever synced.
    return f"{state.st_dev:x}-{state.st_ino:x}"


def _names(descriptor: int) -> _Names:
    found: _Names = {}
    with os.scandir(descriptor) as entries:
        for entry in entries:
            with suppress(FileNotFoundError):  # another thread removed it
                state = entry.stat(follow_symlinks=False)
                found[entry.name] = _Name(_key_of(state), stat.S_ISDIR(state.st_mode))
    return found


def _content(descriptor: int) -> bytes:
    # Opened again, since it may be open for writing only.
    return Path(f"/proc/self/fd/{descriptor}").read_bytes()
