"""The folder on the disk: nothing outside it is opened, nothing in it is overwritten."""

import os
from pathlib import Path

import pytest

from services.ingest.watch.folder import REFUSED, TAKEN, Changed, WatchedFolder
from services.ingest.watch.names import Group, Stamp
from tests.support.ingest import files
from tests.support.watching import put


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "calls"
    root.mkdir()
    return root


def stamp(path: Path) -> Stamp:
    found = path.stat()
    return Stamp(found.st_size, found.st_mtime_ns)


def test_files_are_listed_by_stem(root: Path) -> None:
    for path in ("a.wav", "a.json", "b.mp3", "c.txt", ".d.wav", "county/e.wav", ".taken/f.wav"):
        put(root, path, "x")
    (root / "empty.wav").touch()
    found = WatchedFolder(root).list("")
    assert {stem: sorted(each) for stem, each in found.files.items()} == {
        "a": [".json", ".wav"],
        "b": [".mp3"],
    }
    assert found.folders == ["county"]
    assert found.files["b"][".mp3"] == stamp(root / "b.mp3")
    assert list(WatchedFolder(root).list("county").files) == ["e"]


def test_links_are_not_followed(root: Path, tmp_path: Path) -> None:
    secret = put(tmp_path, "elsewhere/secret.wav", "secret")
    put(root, "real.wav", "real")
    (root / "link.wav").symlink_to(secret)
    (root / "inner.wav").symlink_to(root / "real.wav")
    (root / "away").symlink_to(secret.parent)
    os.mkfifo(root / "pipe.wav")
    folder = WatchedFolder(root)
    found = folder.list("")
    assert list(found.files) == ["real"]
    assert found.folders == []
    assert folder.look(Group("", "link"), [".wav"]) == {}
    assert folder.look(Group("away", "secret"), [".wav"]) == {}
    assert not folder.is_folder("away")
    for group in (Group("", "link"), Group("away", "secret")):
        with pytest.raises(OSError, match=r"symbolic links|Not a directory"):
            folder.read(group, ".wav", stamp(secret), 10)
    with pytest.raises(Changed):
        folder.read(Group("", "pipe"), ".wav", Stamp(0, 0), 10)
    folder.delete(Group("", "link"), {".wav": stamp(secret)})
    assert (root / "link.wav").is_symlink()


def test_the_folder_itself_may_be_a_link(root: Path, tmp_path: Path) -> None:
    put(root, "a.wav", "x")
    (tmp_path / "link").symlink_to(root)
    assert list(WatchedFolder(tmp_path / "link").list("").files) == ["a"]


def test_a_file_that_changes_is_not_taken_for_what_it_was(root: Path) -> None:
    path = put(root, "a.wav", "first")
    seen, folder = stamp(path), WatchedFolder(root)
    file = folder.open(Group("", "a"), ".wav", seen)
    assert file.read(3) == b"fir"
    file.check()
    with path.open("a") as more:
        more.write("more")
    with pytest.raises(Changed):
        file.check()
    file.close()
    with pytest.raises(Changed):
        folder.open(Group("", "a"), ".wav", seen)
    with pytest.raises(Changed):
        folder.open(Group("", "gone"), ".wav", seen)
    folder.delete(Group("", "a"), {".wav": seen})
    folder.move(Group("", "a"), {".wav": seen}, TAKEN)
    assert path.read_text() == "firstmore"


def test_what_is_moved_overwrites_nothing(root: Path) -> None:
    folder, group = WatchedFolder(root), Group("county/2026", "call")
    for content in ("first", "second", "third"):
        paths = [put(root, f"county/2026/call{suffix}", content) for suffix in (".wav", ".json")]
        folder.move(group, {path.suffix: stamp(path) for path in paths}, TAKEN)
    assert files(root) == [
        f".taken/county/2026/call{n}{suffix}"
        for n in (" (2)", " (3)", "")
        for suffix in (".json", ".wav")
    ]
    assert (root / ".taken/county/2026/call (2).wav").read_text() == "second"


def test_what_is_moved_stays_within(root: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (root / REFUSED).symlink_to(tmp_path / "elsewhere")
    path = put(root, "a.wav", "x")
    with pytest.raises(OSError, match=r"symbolic links|Not a directory"):
        WatchedFolder(root).move(Group("", "a"), {".wav": stamp(path)}, REFUSED)
    assert path.exists()


def test_names_need_not_be_text(root: Path) -> None:
    name = os.fsdecode(b"Gr\xfcn")
    (root / f"{name}.wav").write_text("x")
    folder = WatchedFolder(root)
    assert folder.read(Group("", name), ".wav", stamp(root / f"{name}.wav"), 10) == b"x"
    assert list(folder.list("").files) == [name]
