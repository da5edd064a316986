"""Putting a model into the models' folder: all of it or nothing, once, whoever else tries too.

Everything is gathered in `.NAME.part` beside the place, compared with its list, written through to
the disk and then renamed. An interrupted fetch goes on there; nobody looks for a model in it.
"""

import fcntl
import os
import shutil
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from services.transcriber.model_files import FILE, ModelFiles, describe, listed_in, place_of
from shared.errors import ModelUnavailable

Gather = Callable[[Path], ModelFiles]
"""Brings a model's files into a folder, goes on where it was, and says what they are."""


def is_here(name: str, models: Path) -> bool:
    """Whether a model lies whole below the models' folder."""
    folder = place_of(name, models)
    listed = listed_in(folder)
    return listed is not None and not listed.faults(folder, deep=False)


def install(name: str, models: Path, gather: Gather) -> bool:
    """Put a model below the models' folder; False if it was there already.

    Slow, for a thread. Raises ModelUnavailable if what was gathered is not what was described.
    """
    models.mkdir(parents=True, exist_ok=True)
    place = place_of(name, models)
    with _alone(models / f".{place.name}.lock"):
        if is_here(name, models):
            return False
        draft = models / f".{place.name}.part"
        draft.mkdir(exist_ok=True)
        listed = gather(draft)
        if faults := listed.faults(draft, deep=True):
            # Whatever it is, it would be so again if it were kept to go on from.
            shutil.rmtree(draft)
            raise ModelUnavailable(f"the model {name!r} did not arrive whole: {'; '.join(faults)}")
        _only(draft, listed)
        (draft / FILE).write_bytes(msgspec.json.encode(listed))
        _to_disk(draft)
        if place.exists():  # half of one, by whatever means
            shutil.rmtree(place)
        draft.rename(place)
        _sync(models)
    return True


def from_folder(source: Path, name: str) -> Gather:
    """Copies a model's folder, or the folder of that name in it.

    Raises ModelUnavailable when it gathers, if there is none.
    """

    def gather(draft: Path) -> ModelFiles:
        inner = place_of(name, source)
        folder = inner if inner.is_dir() else source
        if not folder.is_dir():
            raise ModelUnavailable(f"there is no folder {str(folder)!r}")
        # A list that came with it was made where the model was whole.
        listed = listed_in(folder) or describe(folder)
        for file in listed.files:
            if (folder / file.name).is_file():
                shutil.copyfile(folder / file.name, draft / file.name)
        return listed

    return gather


def from_hub(download: Callable[[Path], Path]) -> Gather:
    """Takes over what the hub's client fetched; `download` is given its folder, and may go on."""

    def gather(draft: Path) -> ModelFiles:
        found = download(draft / "hub")
        for path in found.iterdir():
            target = draft / path.name
            target.unlink(missing_ok=True)
            # The client keeps content in one place and links to it; gigabytes need no second copy.
            os.link(path.resolve(), target)
        return describe(draft)

    return gather


def _only(draft: Path, listed: ModelFiles) -> None:
    """Remove what is not of the model, such as what is left of another attempt."""
    wanted = {file.name for file in listed.files}
    for path in draft.iterdir():
        if path.is_dir():
            shutil.rmtree(path)
        elif path.name not in wanted:
            path.unlink()


def _to_disk(folder: Path) -> None:
    for path in folder.iterdir():
        # Readable by whoever serves, whatever a hub's client thinks of it.
        path.chmod(0o644)
        _sync(path)
    _sync(folder)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def _alone(path: Path) -> Generator[None]:
    """Wait for one's turn: pods that share a volume start together."""
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
