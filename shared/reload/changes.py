"""What was saved, and what that means."""

import asyncio
import importlib.util
import time
from collections.abc import AsyncGenerator, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from watchfiles import (
    Change,
    DefaultFilter,
    awatch,  # pyright: ignore[reportUnknownVariableType] - it also takes an event of trio's
)

_RECENT = 5.0
"""Seconds after which a file's time says nothing of when it was saved here: it was copied."""
_SETTLED = 50
"""Milliseconds without a further change after which a save is over."""


@dataclass(frozen=True)
class Saved:
    """Files that were saved together."""

    files: frozenset[Path]
    at: float
    """When, by `time.time`."""

    def concerns(self, files: Iterable[str]) -> bool:
        """Whether any of some files, given by absolute paths, was saved."""
        return not self.files.isdisjoint(map(Path, files))

    def described(self, root: Path) -> str:
        """In words."""
        if len(self.files) > 1:
            return f"{len(self.files)} files were saved"
        [file] = self.files
        return f"{file.relative_to(root)} was saved"


class Code(DefaultFilter):
    """Python files; what editors leave and what is no code restarts nothing."""

    def __call__(self, change: Change, path: str) -> bool:
        """Whether it is one."""
        return path.endswith(".py") and super().__call__(change, path)


async def saves(folders: Sequence[Path], stopping: asyncio.Event) -> AsyncGenerator[Saved]:
    """What is saved below some folders, until `stopping`."""
    found = awatch(*folders, watch_filter=Code(), step=_SETTLED, stop_event=stopping)
    async for changes in found:
        files = frozenset(Path(path) for _, path in changes)
        forget_compiled(files)
        yield Saved(files, saved_at(files, time.time()))


def saved_at(files: Iterable[Path], now: float) -> float:
    """When files were saved: the latest of their times, or `now` if those cannot be it."""
    times = [file.stat().st_mtime for file in files if file.exists()]
    recent = [at for at in times if now - _RECENT < at <= now]
    return max(recent, default=now)


def forget_compiled(files: Iterable[Path]) -> None:
    """Remove what Python has compiled of source files."""
    # Python compares a file's size, and its time in whole seconds: a second save within the same
    # second would run the first one's code.
    for file in files:
        try:
            Path(importlib.util.cache_from_source(str(file))).unlink(missing_ok=True)
        except OSError:
            continue  # a folder that cannot be written to holds nothing that we have compiled
