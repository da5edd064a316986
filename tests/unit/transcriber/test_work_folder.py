"""Temporary files of workers that live, and of those that were killed."""

import subprocess
import sys
from pathlib import Path

from services.transcriber.work_folder import work_folder

KILLED = """
import os, sys
from pathlib import Path
from services.transcriber.work_folder import work_folder
with work_folder(Path(sys.argv[1])) as folder:
    (folder / "samples").write_bytes(b"x")
    os._exit(9)
"""


def test_it_is_gone_at_the_end(tmp_path: Path) -> None:
    with work_folder(tmp_path / "w") as folder:
        (folder / "samples").write_bytes(b"x")
        assert folder.stat().st_mode & 0o777 == 0o700
    assert list((tmp_path / "w").iterdir()) == []


def test_a_living_workers_folder_is_left_alone(tmp_path: Path) -> None:
    with work_folder(tmp_path) as first, work_folder(tmp_path) as second:
        assert first.is_dir()
        assert second.is_dir()
        assert first != second


def test_what_a_killed_worker_left_is_removed(tmp_path: Path) -> None:
    result = subprocess.run([sys.executable, "-c", KILLED, str(tmp_path)], check=False)
    assert result.returncode == 9
    (left,) = tmp_path.iterdir()
    with work_folder(tmp_path) as folder:
        assert list(tmp_path.iterdir()) == [folder]
        assert left != folder
