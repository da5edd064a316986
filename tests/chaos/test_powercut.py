"""The simulated power cut: what was synced is there again, what was not is not."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from services.ingest import disk
from tests.chaos.powercut import Shadow
from tests.support.repository import ROOT


class Disk:
    """A folder whose syncs are noted, by hand and not by patching this process."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "disk"
        self.folder.mkdir()
        self.shadow = Shadow(self.folder, folder / "notes")

    def sync(self, path: Path) -> None:
        """What `os.fsync` does in a process that records."""
        descriptor = os.open(path, os.O_RDONLY)
        self.shadow.note(descriptor)
        os.close(descriptor)

    def files(self) -> dict[str, bytes]:
        """All of them, by their path."""
        return {
            str(path.relative_to(self.folder)): path.read_bytes()
            for path in self.folder.rglob("*")
            if path.is_file()
        }


@pytest.fixture
def made(tmp_path: Path) -> Disk:
    """An empty one."""
    return Disk(tmp_path)


def test_what_was_synced_with_its_folder_is_there_again(made: Disk) -> None:
    (made.folder / "a").write_bytes(b"one")
    made.sync(made.folder / "a")
    made.sync(made.folder)
    (made.folder / "a").write_bytes(b"two")
    made.shadow.cut()
    assert made.files() == {"a": b"one"}


def test_a_file_without_its_folder_is_gone_and_one_without_its_content_is_empty(made: Disk) -> None:
    (made.folder / "empty").write_bytes(b"one")
    made.sync(made.folder)
    (made.folder / "gone").write_bytes(b"two")
    made.sync(made.folder / "gone")
    made.shadow.cut()
    assert made.files() == {"empty": b""}


def test_a_rename_counts_once_its_target_is_synced(made: Disk) -> None:
    for name in ("from", "to"):
        (made.folder / name).mkdir()
    made.sync(made.folder)
    entry = made.folder / "from" / "entry"
    entry.mkdir()
    (entry / "audio").write_bytes(b"one")
    made.sync(entry / "audio")
    made.sync(entry)
    entry.rename(made.folder / "to" / "entry")
    made.shadow.cut()
    assert made.files() == {}
    (made.folder / "to" / "entry").mkdir()
    (made.folder / "to" / "entry" / "audio").write_bytes(b"two")
    made.sync(made.folder / "to" / "entry" / "audio")
    made.sync(made.folder / "to" / "entry")
    made.sync(made.folder / "to")
    made.shadow.cut()
    assert made.files() == {"to/entry/audio": b"two"}


def test_after_a_cut_everything_that_is_left_counts_as_synced(made: Disk) -> None:
    (made.folder / "a").write_bytes(b"one")
    made.sync(made.folder / "a")
    made.sync(made.folder)
    made.shadow.cut()
    made.shadow.cut()
    assert made.files() == {"a": b"one"}


def test_what_a_process_syncs_is_noted(tmp_path: Path) -> None:
    script = f"""
from pathlib import Path
from services.ingest import disk
from tests.chaos.powercut import Shadow
folder = Path({str(tmp_path / "disk")!r})
folder.mkdir()
Shadow(folder, Path({str(tmp_path / "notes")!r})).install()
disk.write(folder / "a", b"one")
disk.sync_folder(folder)
(folder / "b").write_bytes(b"two")
"""
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    subprocess.run([sys.executable, "-c", script], env=env, check=True)
    Shadow(tmp_path / "disk", tmp_path / "notes").cut()
    assert [path.name for path in (tmp_path / "disk").iterdir()] == ["a"]
    assert disk.size(tmp_path / "disk") == 3
