"""Programs that documentation calls, by their names: the machine's, or what stands in for them."""

import shutil
import sys
from pathlib import Path

from tests.support.repository import ROOT

STAND_INS = {"curl": "tests.support.stand_in_curl", "nats": "tests.support.stand_in_nats"}


def offered(folder: Path, name: str, *, own: bool) -> Path:
    """A folder for `PATH` in which the program is: the machine's if `own` and there is one."""
    folder.mkdir(parents=True, exist_ok=True)
    place = folder / name
    found = shutil.which(name) if own else None
    if found:
        place.symlink_to(found)
        return folder
    place.write_text(
        f'#!/bin/sh\nPYTHONPATH="{ROOT}" exec "{sys.executable}" -m {STAND_INS[name]} "$@"\n',
        "utf-8",
    )
    place.chmod(0o755)
    return folder
