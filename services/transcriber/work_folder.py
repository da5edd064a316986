"""The folder for a worker's temporary files, cleared of what killed workers left behind."""

import fcntl
import logging
import os
import shutil
import tempfile
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path

_LOCK = "lock"
_log = logging.getLogger(__name__)


@contextmanager
def work_folder(parent: Path | None = None) -> Generator[Path]:
    """A fresh folder below `parent` (the system's temporary folder), removed at the end.

    Each is locked by its process; one that is not locked belongs to a process that was killed.
    """
    root = parent or Path(tempfile.gettempdir()) / f"echobase-transcriber-{os.getuid()}"
    root.mkdir(mode=0o700, parents=True, exist_ok=True)
    _sweep(root)
    # Locked before it is where a sweep looks for it: a sweep must never see it unlocked.
    handle, name = tempfile.mkstemp(dir=root, prefix=".")
    lock = os.fdopen(handle, "w")
    fcntl.flock(lock, fcntl.LOCK_EX)
    folder = Path(tempfile.mkdtemp(dir=root))
    Path(name).rename(folder / _LOCK)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        lock.close()


def _sweep(root: Path) -> None:
    for folder in root.iterdir():
        # A folder without a lock is one that another process is only just making.
        with suppress(OSError), (folder / _LOCK).open() as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(folder, ignore_errors=True)
            _log.info("removed what a killed worker left", extra={"folder": str(folder)})
