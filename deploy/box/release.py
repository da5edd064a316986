"""Releases: folders with an environment of their own, side by side.

A release is complete once it bears its name. One that differs from an earlier one in EchoBase's
own code alone shares the files of all its packages with it, as hard links.
"""

import os
import shutil
import subprocess
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

import msgspec
from msgspec import Struct

from deploy.airgap import disk
from deploy.airgap.manifest import file_digest
from deploy.box.errors import BoxError
from deploy.box.files import link
from deploy.box.places import Places
from deploy.box.source import Source

_NOTE = "release.json"
_MANY = 1000
"""Files from which on it is quicker to flush the whole machine's."""


class Note(Struct, frozen=True, kw_only=True):
    """What a release says of itself."""

    version: str
    created: datetime | None
    """When its commit was made, if that is known."""
    lock: str
    """SHA-256 of the lock that its packages were installed from."""
    bundle: str | None
    """Identity of the bundle that it was made from; None for a checkout."""
    python: str
    """The interpreter that it stands on, and its version."""


class Releases:
    """The releases of one box."""

    def __init__(self, places: Places) -> None:
        self._places = places

    def names(self) -> list[str]:
        """The complete ones."""
        return sorted(path.parent.name for path in self._places.releases.glob(f"[!.]*/{_NOTE}"))

    def current(self) -> str | None:
        """The one that runs, or is to run."""
        link = self._places.current
        return link.readlink().name if link.is_symlink() else None

    def folder(self, name: str) -> Path:
        """Where one lies."""
        return self._places.releases / name

    def note(self, name: str) -> Note:
        """What one says of itself."""
        return msgspec.json.decode((self.folder(name) / _NOTE).read_bytes(), type=Note)

    def python(self, name: str) -> Path:
        """The interpreter within one."""
        return self.folder(name) / "bin" / "python"

    def point_to(self, name: str) -> None:
        """Let one be the current one."""
        link(self._places.current, f"releases/{name}")

    def prune(self, keep: set[str]) -> None:
        """Remove releases, and what was left half done, but for those to keep."""
        for path in list(self._places.releases.iterdir()):
            if path.name not in keep:
                disk.remove(path)

    def make(self, source: Source, python: Path) -> str:
        """Make the release of a source, if it is not there; its name. Raises BoxError."""
        name = source.release
        if name in self.names():
            return name
        draft = self._places.releases / f".{name}"
        disk.remove(draft)
        disk.folder(draft.parent)
        note = Note(
            version=source.version,
            created=source.created,
            lock=file_digest(source.lock),
            bundle=source.digest if source.bundle else None,
            python=_identity(python),
        )
        if twin := self._twin(note):
            # Whatever replaces a file makes a new one: the twin keeps its own.
            shutil.copytree(self.folder(twin), draft, symlinks=True, copy_function=os.link)
            (draft / _NOTE).unlink()
        else:
            _install_packages(source, python, draft)
        _install_code(source, draft)
        (draft / _NOTE).write_bytes(msgspec.json.encode(note))
        _flush(draft)
        disk.remove(self.folder(name))
        disk.rename(draft, self.folder(name))
        return name

    def _twin(self, wanted: Note) -> str | None:
        """A release with the same packages for the same interpreter."""
        for name in self.names():
            note = self.note(name)
            if (note.lock, note.python) == (wanted.lock, wanted.python):
                return name
        return None


def _install_packages(source: Source, python: Path, draft: Path) -> None:
    cache = draft.with_name(".cache")
    env = {"UV_CACHE_DIR": str(cache), "UV_LINK_MODE": "hardlink"}
    uv = str(source.uv)
    try:
        # It may be moved: it is made under another name, and images are made from other roots.
        options = ["--quiet", "--relocatable", "--no-python-downloads", "--no-project"]
        _run([uv, "venv", *options, "--python", str(python), str(draft)], env)
        options = ["--require-hashes", "--no-deps", "--requirement", str(source.lock)]
        _run([*_pip(uv, draft), "--find-links", str(source.wheels), *options], env)
        # Kept now, since nobody may write there later.
        _compile(draft, "")
    finally:
        disk.remove(cache)


def _install_code(source: Source, draft: Path) -> None:
    env = {"UV_NO_CACHE": "1", "UV_LINK_MODE": "copy"}
    options = ["--no-deps", "--reinstall"]
    _run([*_pip(str(source.uv), draft), *options, str(source.code)], env)
    for package in ("deploy", "services", "shared"):
        _compile(draft, package)


def _pip(uv: str, draft: Path) -> list[str]:
    python = str(draft / "bin" / "python")
    return [uv, "pip", "install", "--quiet", "--offline", "--no-index", "--python", python]


def _compile(draft: Path, package: str) -> None:
    packages = next(draft.glob("lib/python3*/site-packages"))
    python = str(draft / "bin" / "python")
    _run([python, "-m", "compileall", "-q", "-j", "0", str(packages / package)], {})


def _flush(folder: Path) -> None:
    """Have a folder's own files on the disk; those that are links are there already."""
    own = [path for path in folder.rglob("*") if path.is_file() and path.stat().st_nlink == 1]
    if len(own) > _MANY:
        os.sync()
        return
    for path in own:
        with path.open("rb") as file:
            os.fsync(file.fileno())


def _identity(python: Path) -> str:
    script = "import sys; print(sys.version_info[:3])"
    done = subprocess.run([str(python), "-c", script], capture_output=True, text=True)
    if done.returncode:
        raise BoxError(f"{python} does not run: {done.stderr.strip()}")
    return f"{python} {done.stdout.strip()}"


def _run(command: list[str], env: Mapping[str, str]) -> None:
    inherited = {k: v for k, v in os.environ.items() if not k.startswith(("UV_", "PYTHON"))}
    done = subprocess.run(command, env={**inherited, **env}, capture_output=True, text=True)
    if done.returncode:
        what = (done.stderr or done.stdout).strip()[-2000:]
        raise BoxError(f"{Path(command[0]).name} {command[1]} failed: {what}")
