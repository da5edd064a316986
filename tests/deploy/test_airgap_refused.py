"""What `apply` refuses, with the site as it was."""

import os
import shutil
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from deploy.airgap import archive, disk, manifest
from deploy.airgap.errors import (
    BadBundle,
    OlderVersion,
    WrongBase,
)
from tests.support import airgap as small
from tests.support import airgap_scene
from tests.support.airgap_scene import Scene, tree


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    return airgap_scene.scene(tmp_path)


def test_a_delta_for_another_bundle_is_refused(scene: Scene) -> None:
    second = scene.delta(2, 3)
    with pytest.raises(WrongBase, match="whole bundle"):
        scene.apply(second)
    scene.apply(scene.release(1))
    with pytest.raises(WrongBase, match=r"is for 0\.1\.2 .* has 0\.1\.1"):
        scene.apply(second)
    assert scene.has(1)


@pytest.mark.parametrize("how", ["delta", "bundle"])
def test_an_older_version_is_refused_unless_forced(scene: Scene, how: str) -> None:
    scene.apply(scene.release(2))
    older = scene.delta(2, 1) if how == "delta" else scene.release(1)
    with pytest.raises(OlderVersion, match="--force"):
        scene.apply(older)
    assert scene.has(2)
    scene.apply(older, force=True)
    assert scene.has(1)


def test_of_one_version_the_later_commit_is_newer(scene: Scene) -> None:
    key, _ = small.key_pair(scene.desk)
    releases = [
        small.bundle(
            scene.desk / f"echobase-{hours}",
            small.small(hours),
            key,
            created=small.CREATED + timedelta(hours=hours),
        )
        for hours in (1, 2)
    ]
    scene.apply(releases[1])
    with pytest.raises(OlderVersion):
        scene.apply(releases[0])


@pytest.mark.parametrize("what", ["delta", "bundle"])
def test_a_wrong_byte_anywhere_is_refused(scene: Scene, what: str) -> None:
    scene.apply(scene.release(1))
    good = scene.delta(1, 2)
    if what == "bundle":
        good = scene.desk / "echobase-0.1.2.tar.zst"
        archive.pack(scene.release(2), good, [manifest.SIGNATURE, manifest.MANIFEST])
    content = good.read_bytes()
    bad = scene.desk / "bad.tar.zst"
    places = sorted({*range(0, len(content), len(content) // 40), len(content) - 1})
    for place in places:
        bad.write_bytes(content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :])
        try:
            scene.apply(bad)
        except BadBundle:
            assert scene.site.installed() is not None
            assert tree(scene.site.images) == tree(scene.release(1) / "images")
        else:
            # Bits of a frame's header that mean nothing: what it holds was right nevertheless.
            assert scene.has(2)
            scene.apply(scene.release(1), force=True)
    assert not list(scene.site.root.rglob(f"*{disk.DRAFT}"))
    scene.apply(good)
    assert scene.has(2)


def test_a_file_cut_short_is_refused(scene: Scene) -> None:
    good = scene.desk / "good.tar.zst"
    archive.pack(scene.release(1), good, [manifest.SIGNATURE, manifest.MANIFEST])
    bad = scene.desk / "bad.tar.zst"
    for size in (0, 3, 100, good.stat().st_size // 2, good.stat().st_size - 1):
        bad.write_bytes(good.read_bytes()[:size])
        with pytest.raises(BadBundle):
            scene.apply(bad)


@pytest.mark.parametrize("what", ["delta", "bundle"])
def test_what_another_key_signed_is_refused(scene: Scene, what: str, tmp_path: Path) -> None:
    scene.apply(scene.release(1))
    path = scene.delta(1, 2) if what == "delta" else scene.release(2)
    other = tmp_path / "other"
    other.mkdir()
    _, public = small.key_pair(other)
    shutil.copy(public, scene.site.key)
    with pytest.raises(BadBundle, match="not signed by the key"):
        scene.apply(path)


Spoil = Callable[[Path], None]


def _link(folder: Path) -> None:
    (folder / "k3s/edge.yaml").unlink()
    (folder / "k3s/edge.yaml").symlink_to("/etc/passwd")


def _linked_folder(folder: Path) -> None:
    (folder / "k3s").rename(folder.with_name("elsewhere"))
    (folder / "k3s").symlink_to(folder.with_name("elsewhere"))


def _pipe(folder: Path) -> None:
    os.mkfifo(folder / "k3s/pipe")


def _another_file(folder: Path) -> None:
    (folder / "more").write_bytes(b"")


def _no_manifests(folder: Path) -> None:
    (folder / "k3s/edge.yaml").unlink()


def _other_manifests(folder: Path) -> None:
    (folder / "k3s/edge.yaml").write_bytes(b"a: 1")


def _other_signature(folder: Path) -> None:
    (folder / "manifest.json.sig").write_bytes(bytes(64))


def _no_signature(folder: Path) -> None:
    (folder / "manifest.json.sig").unlink()


@pytest.mark.parametrize(
    "spoil",
    [
        _link,
        _linked_folder,
        _pipe,
        _another_file,
        _no_manifests,
        _other_manifests,
        _other_signature,
        _no_signature,
    ],
)
def test_a_folder_with_something_wrong_in_it_is_refused(scene: Scene, spoil: Spoil) -> None:
    folder = scene.release(1)
    spoil(folder)
    with pytest.raises(BadBundle):
        scene.apply(folder)
    assert scene.site.installed() is None
    assert scene.calls() == []
