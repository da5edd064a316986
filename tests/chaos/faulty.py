"""Runs a service with a fault that the product has not: `python -m tests.chaos.faulty <fault>
<service module>`, where the fault is `none` or one of `FAULTS`.

The product holds no switch for any of this: it is patched in the process, before the service
begins. If the environment names a folder in `SHADOW`, what the service syncs of its spool is noted
there, so that a power cut can be simulated.
"""

import os
import runpy
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Literal, NamedTuple, get_args
from unittest import mock

from services.ingest import disk
from shared import nats_publish
from shared.version_state import VersionState
from tests.chaos.powercut import Shadow

SHADOW = "CHAOS_SHADOW"
Fault = Literal["no-fence", "no-resume", "no-file-sync", "no-folder-sync"]
NAMES: tuple[Fault, ...] = get_args(Fault)


class Planted(NamedTuple):
    """Whom a fault concerns, and how it is made."""

    module: str
    plant: Callable[[], None]


def _no_fence() -> None:
    """Events are stored whoever has written since."""
    mock.patch.object(nats_publish, "_fence", _nothing).start()


def _no_resume() -> None:
    """Who goes on with a version begins with its first chunk."""
    mock.patch.object(VersionState, "chunks_done", 0).start()


def _no_file_sync() -> None:
    mock.patch.object(disk, "sync", _ignored).start()


def _no_folder_sync() -> None:
    mock.patch.object(disk, "sync_folder", _ignored).start()


FAULTS: Mapping[str, Planted] = {
    "no-fence": Planted("services.transcriber", _no_fence),
    "no-resume": Planted("services.transcriber", _no_resume),
    "no-file-sync": Planted("services.ingest", _no_file_sync),
    "no-folder-sync": Planted("services.ingest", _no_folder_sync),
}


def _nothing(_fence: object) -> dict[str, str]:
    return {}


def _ignored(_what: object) -> None:
    return


def main() -> None:
    """Run it."""
    _, fault, module = sys.argv
    if notes := os.environ.get(SHADOW):
        Shadow(Path(os.environ["ECHOBASE_DATA"]) / "spool", Path(notes)).install()
    if fault != "none" and FAULTS[fault].module == module:
        FAULTS[fault].plant()
    sys.argv = [module]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
