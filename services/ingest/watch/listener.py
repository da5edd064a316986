"""Tells what the operating system says has changed in the watched folder."""

import asyncio
import logging
import os
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path

from watchfiles import (
    Change,
    awatch,  # pyright: ignore[reportUnknownVariableType] - it also takes an event of trio's
)

_log = logging.getLogger(__name__)
_STEP = 50
_LONGEST = 400
"""Milliseconds for which changes are gathered: until none comes, or so long."""


class Listener:
    """Listens to one folder, and to it anew when something else has taken its place."""

    def __init__(self, path: Path, heard: Callable[[Iterable[str]], None], retry: float) -> None:
        """`heard` is given paths relative to the folder; after `retry` seconds it tries again."""
        # What comes is named as the folder is, or as it really is.
        self._path = path.absolute()
        self._heard = heard
        self._retry = retry
        self._anew = asyncio.Event()
        self._deaf = False

    def renew(self) -> None:
        """Listen anew: another disk is mounted there."""
        self._anew.set()

    async def run(self, stopping: asyncio.Event) -> None:
        """Listen until `stopping`."""
        order = asyncio.create_task(stopping.wait())
        order.add_done_callback(lambda _: self._anew.set())
        try:
            while not stopping.is_set():
                self._anew.clear()
                if await self._listen():
                    continue
                with suppress(TimeoutError):
                    async with asyncio.timeout(self._retry):
                        await self._anew.wait()
        finally:
            order.cancel()

    async def _listen(self) -> bool:
        """False if that is not possible."""
        roots = tuple(str(path) + os.sep for path in (self._path, self._path.resolve()))
        try:
            async for changes in awatch(
                self._path,
                watch_filter=_is_news,
                debounce=_LONGEST,
                step=_STEP,
                stop_event=self._anew,
                ignore_permission_denied=True,
            ):
                self._deaf = False
                self._heard(inside(roots, (path for _, path in changes)))
        except Exception as error:  # noqa: BLE001 - we do without: what lies there is found
            # Such as too many folders for inotify, or a file's name that is no text.
            if not self._deaf and self._path.is_dir():
                self._deaf = True
                _log.warning(
                    "nothing tells of new files in the watched folder: they are found later",
                    extra={"error": str(error)},
                )
            return False
        return True


def _is_news(change: Change, _: str) -> bool:
    return change != Change.deleted


def inside(roots: Iterable[str], paths: Iterable[str]) -> list[str]:
    """Those of the paths that are below one of the roots, relative to it; hidden ones are not."""
    found = (
        path.removeprefix(root)
        for path in paths
        for root in dict.fromkeys(roots)
        if path.startswith(root)
    )
    return [path for path in found if path and not f"{os.sep}{path}".count(f"{os.sep}.")]
