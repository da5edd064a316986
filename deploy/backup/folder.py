"""The folder of a site's backups.

objects/<2 hex>/<sha256>            what the store held, each content once, shared by generations
generations/<time>/manifest.json    written last: a generation without one is never taken for whole
generations/<time>/objects.jsonl    each object's key, size, SHA-256, and the store's stamp
generations/<time>/<STREAM>.jsonl   each message's subject, headers and data
erased.jsonl                        every erasure that was ever known here, for all generations
fetched.jsonl                       what a run that was interrupted had fetched already
lock                                held by the one process that writes
"""

import fcntl
import hashlib
import os
import shutil
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, TypeVar

import msgspec
from msgspec import Meta, Struct

from deploy.backup.errors import BackupError
from shared.erasure import Tombstone

T = TypeVar("T", bound=Struct)
OBJECTS = "objects.jsonl"
MANIFEST = "manifest.json"
_PARTIAL = ".partial"
_BLOCK = 1024**2


class Stored(Struct, frozen=True, kw_only=True):
    """An object of the store."""

    key: Annotated[str, Meta(description="Its key")]
    size: Annotated[int, Meta(description="Bytes")]
    sha256: Annotated[str, Meta(description="Of its content")]
    stamp: Annotated[str, Meta(description="The store's, by which it is known to be the same")]


class Kept(Struct, frozen=True, kw_only=True):
    """A message of a stream."""

    subject: Annotated[str, Meta(description="Its subject")]
    headers: Annotated[dict[str, str], Meta(description="Its publisher's headers")]
    data: Annotated[bytes, Meta(description="Its payload")]

    @property
    def digest(self) -> bytes:
        """The same for the same message."""
        return hashlib.sha256(msgspec.json.encode(self, order="deterministic")).digest()


class File(Struct, frozen=True, kw_only=True):
    """A file of a generation."""

    name: Annotated[str, Meta(description="Its name")]
    lines: Annotated[int, Meta(description="How many it has")]
    sha256: Annotated[str, Meta(description="Of its content")]


class Manifest(Struct, frozen=True, kw_only=True):
    """A generation that is whole."""

    created: Annotated[datetime, Meta(description="When the run began")]
    files: Annotated[list[File], Meta(description="Everything that belongs to it")]
    format: Annotated[int, Meta(ge=1, le=1, description="Of this folder")] = 1


class Generation:
    """What one run has saved."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @property
    def name(self) -> str:
        """Its time."""
        return self.folder.name

    @property
    def manifest(self) -> Manifest:
        """What belongs to it. Raises BackupError."""
        try:
            return msgspec.json.decode((self.folder / MANIFEST).read_bytes(), type=Manifest)
        except (OSError, msgspec.DecodeError) as error:
            raise BackupError(f"the backup {self.folder} cannot be read: {error}") from error

    def objects(self) -> Iterator[Stored]:
        """Every object."""
        return read_lines(self.folder / OBJECTS, Stored)

    def streams(self) -> list[str]:
        """The names of the streams that it has."""
        names = [file.name for file in self.manifest.files if file.name != OBJECTS]
        return [name.removesuffix(".jsonl") for name in names]

    def messages(self, stream: str) -> Iterator[Kept]:
        """What a stream held."""
        return read_lines(self.folder / f"{stream}.jsonl", Kept)

    def check(self) -> None:
        """Raises BackupError unless its files are what its manifest says."""
        for file in self.manifest.files:
            path = self.folder / file.name
            if not path.is_file() or digest(path) != file.sha256:
                raise BackupError(f"the backup is damaged: {path}")


class BackupFolder:
    """Where backups lie."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @contextmanager
    def claimed(self) -> Generator[None]:
        """Hold it for this process alone. Raises BackupError."""
        try:
            for part in ("objects", "generations"):
                (self.folder / part).mkdir(mode=0o700, parents=True, exist_ok=True)
            lock = os.open(self.folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise BackupError(f"{self.folder} cannot be written: {error.strerror}") from error
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            yield
        except BlockingIOError:
            raise BackupError(f"another backup writes to {self.folder}") from None
        finally:
            os.close(lock)

    def generations(self) -> list[Generation]:
        """Those that are whole, the oldest first."""
        folder = self.folder / "generations"
        found = sorted(folder.iterdir()) if folder.is_dir() else []
        return [
            Generation(path)
            for path in found
            if path.suffix != _PARTIAL and (path / MANIFEST).is_file()
        ]

    def blob(self, sha256: str) -> Path:
        """Where a content lies."""
        return self.folder / "objects" / sha256[:2] / sha256

    def has(self, stored: Stored) -> bool:
        """Whether an object's content is here, by its size."""
        path = self.blob(stored.sha256)
        return path.is_file() and path.stat().st_size == stored.size

    def keep(self, draft: Path) -> str:
        """Take a file in, durably; returns its SHA-256."""
        sha256 = digest(draft)
        path = self.blob(sha256)
        path.parent.mkdir(mode=0o700, exist_ok=True)
        sync(draft)
        draft.rename(path)
        sync(path.parent)
        return sha256

    def erased(self) -> list[Tombstone]:
        """Every erasure that is known here."""
        path = self.folder / "erased.jsonl"
        return list(read_lines(path, Tombstone)) if path.exists() else []

    def write_erased(self, stones: Iterable[Tombstone]) -> None:
        """Remember erasures; the old list is there until the new one is."""
        draft = self.folder / "erased.new"
        write_lines(draft, stones)
        draft.rename(self.folder / "erased.jsonl")
        sync(self.folder)

    def fetched(self) -> dict[str, Stored]:
        """What is here already, by its key: of the last generation, and of a run cut off since."""
        known: dict[str, Stored] = {}
        for generation in self.generations()[-1:]:
            known |= {stored.key: stored for stored in generation.objects()}
        path = self.folder / "fetched.jsonl"
        if path.exists():
            known |= {stored.key: stored for stored in read_lines(path, Stored, torn=True)}
        return known

    def journal(self) -> Path:
        """Where a run notes what it has fetched."""
        return self.folder / "fetched.jsonl"

    def begin(self, created: datetime) -> Path:
        """An empty folder for a new generation; what an interrupted run left is removed."""
        folder = self.folder / "generations"
        for path in folder.iterdir():
            if not (path / MANIFEST).is_file() or path.suffix == _PARTIAL:
                shutil.rmtree(path)
        name = created.astimezone(UTC).strftime("%Y%m%dT%H%M%S.%fZ")
        partial = folder / f"{name}{_PARTIAL}"
        partial.mkdir(mode=0o700)
        return partial

    def begin_again(self, generation: Generation) -> Path:
        """An empty folder for what is left of a generation; it sorts right after it."""
        name, _, number = generation.name.partition("+")
        partial = generation.folder.with_name(f"{name}+{int(number or 0) + 1:04d}{_PARTIAL}")
        if partial.exists():
            shutil.rmtree(partial)
        partial.mkdir(mode=0o700)
        return partial

    def remove(self, generation: Generation) -> None:
        """Remove a generation: at once it is one no more."""
        (generation.folder / MANIFEST).unlink()
        shutil.rmtree(generation.folder)

    def finish(self, partial: Path, manifest: Manifest) -> Generation:
        """Make a generation whole: the manifest, the disk, then its name."""
        write(partial / MANIFEST, msgspec.json.format(msgspec.json.encode(manifest), indent=2))
        sync(partial)
        final = partial.with_name(partial.name.removesuffix(_PARTIAL))
        if final.exists():  # what was left of it before a crash; both are whole
            shutil.rmtree(final)
        partial.rename(final)
        sync(final.parent)
        return Generation(final)

    def sweep(self, keep: int) -> int:
        """Remove all but the latest generations, and contents that none needs; how many bytes."""
        for generation in self.generations()[:-keep]:
            self.remove(generation)
        needed = {each.sha256 for known in self.generations() for each in known.objects()}
        freed = 0
        for path in (self.folder / "objects").glob("*/*"):
            if path.name not in needed:
                freed += path.stat().st_size
                path.unlink()
        return freed


def read_lines(path: Path, kind: type[T], *, torn: bool = False) -> Iterator[T]:
    """The structs of a file, one a line. `torn`: a last line that is cut off is passed over.

    Raises BackupError.
    """
    with path.open("rb") as lines:
        for line in lines:
            try:
                yield msgspec.json.decode(line, type=kind)
            except msgspec.DecodeError as error:
                if torn:
                    return
                raise BackupError(f"{path} is damaged: {error}") from error


def write_lines(path: Path, structs: Iterable[Struct]) -> File:
    """Write structs, one a line, durably."""
    lines = 0
    with path.open("wb") as file:
        for each in structs:
            file.write(msgspec.json.encode(each) + b"\n")
            lines += 1
    sync(path)
    return File(name=path.name, lines=lines, sha256=digest(path))


def write(path: Path, data: bytes) -> None:
    """Write a file, durably."""
    path.write_bytes(data)
    sync(path)


def digest(path: Path) -> str:
    """A file's SHA-256, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def sync(path: Path) -> None:
    """Have a file, or a folder's list of names, on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


Progress = Callable[[str, int], None]
"""Called with what is done, and how many of it."""
