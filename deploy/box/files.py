"""Text files and links that are there whole or not at all."""

from pathlib import Path

from deploy.airgap import disk


def write(path: Path, text: str, mode: int = 0o644) -> None:
    """Write a file in one step, and the folders above it."""
    disk.folder(path.parent)
    disk.write(path, [text.encode()], mode)
    # Whatever the caller's umask took away.
    path.chmod(mode)


def link(path: Path, target: str) -> None:
    """Let a link point elsewhere in one step."""
    disk.folder(path.parent)
    draft = path.with_name(path.name + disk.DRAFT)
    disk.remove(draft)
    draft.symlink_to(target)
    disk.rename(draft, path)
