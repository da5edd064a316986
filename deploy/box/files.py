"""Files and links that are there whole or not at all. Standard library only."""

import os
from pathlib import Path


def write(path: Path, text: str, mode: int = 0o644) -> None:
    """Write a file in one step, kept through a power cut."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.new")
    draft.unlink(missing_ok=True)
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "w") as file:
        os.fchmod(file.fileno(), mode)
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    draft.rename(path)
    sync(path.parent)


def link(path: Path, target: str) -> None:
    """Let a link point elsewhere in one step, kept through a power cut."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.new")
    draft.unlink(missing_ok=True)
    draft.symlink_to(target)
    draft.rename(path)
    sync(path.parent)


def sync(folder: Path) -> None:
    """Keep what was renamed in a folder through a power cut."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
