"""A delta restores a bundle byte for byte, and costs what changed."""

import tarfile
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deploy.airgap import archive, delta, manifest, recipe, zstd
from deploy.airgap.errors import BadBundle
from deploy.airgap.recipe import Copy, Delta, End, Range, Restored
from deploy.airgap.restore import restore
from deploy.airgap.segments import cut
from tests.support import airgap as small

LIBRARY = small.noise(60_000, 7)


def updated(folder: Path, old: dict[str, bytes], new: dict[str, bytes]) -> int:
    """Make a delta, restore by it, compare: the delta's bytes."""
    key, public = small.key_pair(folder)
    base = small.bundle(folder / "echobase-1", old, key)
    to = small.bundle(folder / "echobase-2", new, key, version="0.1.1")
    path = folder / "delta.tar.zst"
    delta.make(base, to, path, key)
    arrived, restored = folder / "arrived", folder / "restored"
    arrived.mkdir()
    restored.mkdir()
    archive.unpack(path, arrived)
    content = (arrived / recipe.DELTA).read_bytes()
    restore(recipe.decode(content), arrived / recipe.PATCHES, base, restored, public)
    assert manifest.verify(restored, public) == manifest.verify(to, public)
    for name in manifest.plain_files(to):
        assert (restored / name).read_bytes() == (to / name).read_bytes()
    return path.stat().st_size


member = st.dictionaries(
    st.sampled_from(["a.py", "b.so", "x-1.dist-info/RECORD", "x-2.dist-info/RECORD", "c"]),
    st.binary(max_size=900),
    max_size=5,
)
content = st.one_of(
    st.binary(max_size=2_000),
    st.builds(small.tar, member),
    st.builds(small.wheel, member),
    st.builds(small.image, st.just("a:1"), st.lists(member, max_size=3)),
)
files = st.dictionaries(
    st.sampled_from(
        ["images/a.tar", "images/b.tar", "wheels/x-1-py3.whl", "wheels/x-2-py3.whl", "k3s/a.yaml"]
    ),
    content,
    max_size=5,
)


@settings(max_examples=30, deadline=None)
@given(old=files, new=files)
def test_any_bundle_is_restored_from_any_other(
    old: dict[str, bytes], new: dict[str, bytes]
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        updated(Path(folder), old, new)


@settings(max_examples=100, deadline=None)
@given(old=st.binary(max_size=3_000), new=st.binary(max_size=3_000))
def test_a_patch_restores_any_content(old: bytes, new: bytes) -> None:
    assert zstd.unpack(zstd.pack(new, old), old) == new


@settings(max_examples=60, deadline=None)
@given(content)
def test_the_parts_of_a_file_are_the_whole_of_it(made: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        for name in ("f.tar", "f.whl"):
            path = Path(folder) / name
            path.write_bytes(made)
            end = 0
            for part in cut(path):
                assert part.offset == end
                end += part.size
            assert end == len(made)


def release(number: int, library: bytes = LIBRARY) -> dict[str, bytes]:
    """A wheel and two images that hold the same library and the same code."""
    code = f"print({number})\n".encode() * 30
    layers = [{"base": small.noise(30_000, 3)}, {"lib.so": library}, {"app/code.py": code}]
    return {
        f"code/own-{number}-py3-none-any.whl": small.wheel({"code.py": code}, stored=True),
        f"wheels/lib-{number}-py3-none-any.whl": small.wheel({"lib.so": library, "x": b"x" * 99}),
        "images/a.tar": small.image("a:1", layers),
        "images/b.tar": small.image("b:1", [*layers[:2], {"more": b"more"}, layers[2]]),
    }


def test_code_costs_its_changes(tmp_path: Path) -> None:
    assert updated(tmp_path, release(1), release(2)) < 2_500


def test_what_is_in_a_wheel_and_in_images_costs_once(tmp_path: Path) -> None:
    other = small.noise(60_000, 8)
    size = updated(tmp_path, release(1), release(2, other))
    assert len(other) < size < len(other) + 3_000


def test_a_small_change_in_a_large_file_costs_little(tmp_path: Path) -> None:
    other = LIBRARY[:30_000] + b"patched" + LIBRARY[30_000:]
    # The wheel's member is packed, and so is carried whole.
    old = {name: held for name, held in release(1).items() if "wheel" not in name}
    new = {name: held for name, held in release(2, other).items() if "wheel" not in name}
    assert updated(tmp_path, old, new) < 3_500


def test_a_delta_of_nothing_is_small(tmp_path: Path) -> None:
    assert updated(tmp_path, release(1), release(1)) < 700


def test_archives_are_the_same_for_the_same_folder(tmp_path: Path) -> None:
    key, _ = small.key_pair(tmp_path)
    folder = small.bundle(tmp_path / "echobase-1", release(1), key)
    first, second = tmp_path / "a.tar.zst", tmp_path / "b.tar.zst"
    archive.pack(folder, first)
    archive.pack(folder, second)
    assert first.read_bytes() == second.read_bytes()


@pytest.mark.parametrize(
    "name",
    ["../x", "a/../../x", "/etc/passwd", "a//b", "a/./b", ".hidden", "a\\b", "", "a\nb", "a" * 300],
)
def test_a_path_that_leads_elsewhere_is_refused(tmp_path: Path, name: str) -> None:
    key, public = small.key_pair(tmp_path)
    with pytest.raises(BadBundle):
        manifest.check_path(name)
    end = End(version="1", identity="0" * 64)
    made = Delta(base=end, to=end, patches="0" * 64, files=(Restored(name, ()),), removed=())
    with pytest.raises(BadBundle):
        recipe.decode(recipe.encode(made))
    source = Restored("a", (Copy(Range(name, 0, 1)),))
    made = Delta(base=end, to=end, patches="0" * 64, files=(source,), removed=())
    with pytest.raises(BadBundle):
        recipe.decode(recipe.encode(made))
    folder = small.bundle(tmp_path / "b", {}, key)
    listed = manifest.File(path=name, size=0, sha256="0" * 64, role="model")
    signed = manifest.Manifest(version="1", commit="", created=small.CREATED, files=(listed,))
    small.sign(folder, signed, key)
    with pytest.raises(BadBundle):
        manifest.verify(folder, public)


@pytest.mark.parametrize(
    "name", ["top/../../x", "/x", "top/a/../../x", "x", "top/link", "top/fifo"]
)
def test_an_archive_writes_nowhere_else(tmp_path: Path, name: str) -> None:
    path = tmp_path / "a.tar.zst"
    with (
        zstd.writer(str(path), 1000) as packed,
        tarfile.open(fileobj=packed, mode="w|") as archived,
    ):
        entry = tarfile.TarInfo(name)
        if name.endswith("link"):
            entry.type, entry.linkname = tarfile.SYMTYPE, "/etc/passwd"
        if name.endswith("fifo"):
            entry.type = tarfile.FIFOTYPE
        archived.addfile(entry)
    target = tmp_path / "target"
    target.mkdir()
    with pytest.raises(BadBundle):
        archive.unpack(path, target)
    assert list(target.iterdir()) == []


def test_a_recipe_that_asks_for_more_than_there_is_is_refused(tmp_path: Path) -> None:
    key, public = small.key_pair(tmp_path)
    base = small.bundle(tmp_path / "b", {"k3s/a.yaml": b"a"}, key)
    end = End(version="1", identity="0" * 64)
    pieces = (Copy(Range(manifest.MANIFEST, 10, 10_000)),)
    made = Delta(
        base=end,
        to=end,
        patches="0" * 64,
        files=(Restored(manifest.MANIFEST, pieces),),
        removed=(),
    )
    (tmp_path / "restored").mkdir()
    with pytest.raises(BadBundle, match="ends too early"):
        restore(made, tmp_path / "none", base, tmp_path / "restored", public)
