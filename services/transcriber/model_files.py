"""What a model's folder holds, file by file: `files.json`, beside the weights and in the store.

It is written last, so that a folder or a prefix that has it is whole, and says what to compare.
"""

import hashlib
import re
from pathlib import Path

import msgspec
from msgspec import Struct

from shared.errors import ModelUnavailable

FILE = "files.json"
WEIGHTS = "model.bin"
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}\Z")


class ModelFile(Struct, frozen=True):
    """One file of a model."""

    name: str
    """No path: models are flat."""
    size: int
    """Bytes."""
    sha256: str
    """64 lower-case hex digits."""


class ModelFiles(Struct, frozen=True):
    """Every file of a model but this list itself."""

    files: list[ModelFile]

    def faults(self, folder: Path, *, deep: bool) -> list[str]:
        """What is wrong with a copy, in words; `deep` reads every byte."""
        found: list[str] = []
        for file in self.files:
            path = folder / file.name
            if not path.is_file():
                found.append(f"{file.name} is missing")
            elif path.stat().st_size != file.size:
                found.append(f"{file.name} has {path.stat().st_size} bytes, not {file.size}")
            elif deep and digest(path) != file.sha256:
                found.append(f"{file.name} is another one than was described")
        return found


def place_of(name: str, models: Path) -> Path:
    """Where the model of a name lies below the models' folder: `owner/name` as `owner--name`."""
    return models / name.replace("/", "--")


def describe(folder: Path) -> ModelFiles:
    """What a folder holds. Raises ModelUnavailable if that is no model."""
    # The bundled model's folder is a package too, for the sake of its recipe.
    paths = sorted(
        path
        for path in folder.iterdir()
        if path.is_file() and path.name != FILE and path.suffix != ".py"
    )
    files = [ModelFile(path.name, path.stat().st_size, digest(path)) for path in paths]
    return checked(ModelFiles([file for file in files if _NAME.match(file.name)]), str(folder))


def read(content: bytes, origin: str) -> ModelFiles:
    """A list as it was written; `origin` says where it is from, for messages.

    Raises ModelUnavailable if it is none, or names what is no plain file.
    """
    try:
        listed = msgspec.json.decode(content, type=ModelFiles)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ModelUnavailable(f"{FILE} of {origin} does not fit: {error}") from error
    if bad := [file.name for file in listed.files if not _NAME.match(file.name)]:
        raise ModelUnavailable(f"{FILE} of {origin} names {bad[0]!r}, which is no file's name")
    return checked(listed, origin)


def checked(listed: ModelFiles, origin: str) -> ModelFiles:
    """The same list. Raises ModelUnavailable if it has no weights."""
    if WEIGHTS not in {file.name for file in listed.files}:
        raise ModelUnavailable(f"{origin} holds no {WEIGHTS}")
    return listed


def listed_in(folder: Path) -> ModelFiles | None:
    """The list that lies in a folder; None if there is none. Raises ModelUnavailable."""
    try:
        content = (folder / FILE).read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return None
    return read(content, str(folder))


def digest(path: Path) -> str:
    """A file's SHA-256, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
