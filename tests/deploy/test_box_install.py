"""A box in a folder, from small bundles: installed, renewed, refused, removed."""

import os
import stat
from datetime import timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from deploy.airgap import delta
from deploy.box.bundles import BoxSite
from deploy.box.commands import install, uninstall, update
from deploy.box.config import read_settings
from deploy.box.install import box
from deploy.box.places import Places
from deploy.box.release import Releases
from deploy.box.system import owner
from tests.support.airgap import CREATED, key_pair
from tests.support.box_bundle import small_bundle


class Desk:
    """A desk that makes bundles, and a box that gets them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.key, self.public_key = key_pair(folder)
        self.places = Places(folder / "box")
        self.releases = Releases(self.places)

    def bundle(self, name: str, **more: object) -> Path:
        return small_bundle(self.folder / name, self.key, **more)  # pyright: ignore[reportArgumentType] - the callee's

    def install(self, *arguments: str | Path) -> Result:
        return self._run(install, "--public-key", self.public_key, *arguments)

    def update(self, *arguments: str | Path) -> Result:
        return self._run(update, *arguments)

    def uninstall(self, *arguments: str) -> Result:
        return self._run(uninstall, *arguments)

    def _run(self, command: object, *arguments: str | Path) -> Result:
        given = [str(each) for each in (*arguments, "--root", self.places.root)]
        return CliRunner().invoke(command, given)  # pyright: ignore[reportArgumentType] - a command


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def mode(path: Path) -> str:
    return stat.filemode(path.stat().st_mode)


def test_a_bundle_becomes_a_box(desk: Desk):
    result = desk.install(desk.bundle("first"))
    assert result.exit_code == 0, result.output
    places = desk.places
    assert places.current.readlink() == Path("releases") / desk.releases.names()[0]
    settings = read_settings(places.settings)
    assert settings == {
        "WHISPER_MODEL_NAME": "/opt/echobase/models/small",
        "ECHOBASE_OFFLINE": "true",
    }
    assert (places.home / "models/small/model.bin").read_bytes() == b"weights"
    assert mode(places.settings) == "-rw-r-----"
    assert mode(places.etc) == mode(places.data) == "drwxr-x---"
    assert mode(places.command) == "-rwxr-xr-x"
    if os.geteuid() == 0:
        assert places.settings.stat().st_uid == 0
        assert places.settings.stat().st_gid == owner(places).gid
        assert places.data.stat().st_uid == owner(places).uid != 0
    assert str(places.enabled.readlink()) == "/usr/local/lib/systemd/system/echobase.service"
    # No secret is in what may become an image.
    assert not list(places.data.iterdir())


def test_doing_it_again_changes_nothing_that_people_decided(desk: Desk):
    first = desk.bundle("first")
    desk.install(first)
    places = desk.places
    places.settings.write_text("ECHOBASE_LOG_LEVEL=debug\n")
    (places.data / "kept").write_text("kept")
    before = (desk.releases.folder(desk.releases.names()[0]) / "release.json").stat()
    result = desk.install(first)
    assert result.exit_code == 0, result.output
    assert read_settings(places.settings) == {"ECHOBASE_LOG_LEVEL": "debug"}
    assert (places.data / "kept").exists()
    after = (desk.releases.folder(desk.releases.names()[0]) / "release.json").stat()
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


def test_beyond_loopback_a_key_is_made_once(desk: Desk):
    first = desk.bundle("first")
    assert desk.install(first, "--bind", "0.0.0.0").exit_code == 0
    made = read_settings(desk.places.settings)
    assert made["ECHOBASE_BIND"] == "0.0.0.0"
    assert len(made["ECHOBASE_API_KEY"]) >= 32
    assert desk.install(first, "--bind", "0.0.0.0").exit_code == 0
    assert read_settings(desk.places.settings) == made


def test_beyond_loopback_without_a_key_is_refused(desk: Desk):
    first = desk.bundle("first")
    desk.install(first)
    desk.places.settings.write_text("ECHOBASE_BIND=0.0.0.0\n")
    result = desk.install(first)
    assert "set ECHOBASE_API_KEY" in str(result.exception)


def test_a_code_only_delta_is_a_release_beside_the_old_one(desk: Desk):
    first, second = desk.bundle("first", code=b"1"), desk.bundle("second", code=b"2")
    desk.install(first)
    (old,) = desk.releases.names()
    patch = desk.folder / "delta.tar.zst"
    delta.make(first, second, patch, desk.key)
    result = desk.update(patch)
    assert result.exit_code == 0, result.output
    new = desk.releases.current()
    assert new != old
    assert new is not None
    assert set(desk.releases.names()) == {old, new}
    # Its packages are the old one's: they take no room.
    path = "bin/python"
    assert (desk.releases.folder(old) / path).samefile(desk.releases.folder(new) / path)
    again = desk.update(patch)
    assert again.exit_code == 0, again.output
    assert desk.releases.current() == new


def test_two_releases_stay_and_no_more(desk: Desk):
    desk.install(desk.bundle("first", code=b"1"))
    for number in (2, 3, 4):
        before = desk.releases.current()
        result = desk.update(desk.bundle(f"b{number}", code=b"%d" % number, lock=b"#%d" % number))
        assert result.exit_code == 0, result.output
        assert desk.releases.names() == sorted({before or "", desk.releases.current() or ""})
    assert len(list((desk.places.bundles / "bundles").iterdir())) == 2


def test_an_older_bundle_is_refused_unless_forced(desk: Desk):
    earlier = desk.bundle("earlier", created=CREATED - timedelta(days=1))
    older = desk.bundle("older", version="0.0.9", created=CREATED + timedelta(days=1))
    desk.install(desk.bundle("first"))
    for bundle in (earlier, older):
        result = desk.update(bundle)
        assert "is older than" in str(result.exception)
    assert desk.update(older, "--force").exit_code == 0
    assert (desk.releases.current() or "").startswith("0.0.9-")


def test_a_delta_for_another_base_is_refused(desk: Desk):
    first, second = desk.bundle("first", code=b"1"), desk.bundle("second", code=b"2")
    desk.install(desk.bundle("other", code=b"3"))
    patch = desk.folder / "delta.tar.zst"
    delta.make(first, second, patch, desk.key)
    before = desk.releases.current()
    assert "the delta is for" in str(desk.update(patch).exception)
    assert desk.releases.current() == before


def test_a_bundle_that_is_not_ours_is_refused(desk: Desk):
    first = desk.bundle("first")
    stranger = (
        Desk(desk.folder / "stranger") if (desk.folder / "stranger").mkdir() is None else desk
    )
    result = desk.install(stranger.bundle("theirs"))
    assert "is not signed by the key" in str(result.exception)
    (first / "code/echobase-0.1.0-py3-none-any.whl").write_bytes(b"changed on the way")
    assert "is damaged" in str(desk.install(first).exception)
    assert desk.releases.current() is None


def test_without_the_key_nothing_is_believed(desk: Desk):
    result = CliRunner().invoke(
        install, [str(desk.bundle("first")), "--root", str(desk.places.root)]
    )
    assert "--public-key" in str(result.exception)


def test_an_update_needs_something_to_update(desk: Desk):
    assert "`echobase install` comes first" in str(desk.update(desk.bundle("first")).exception)


def test_an_uninstall_keeps_data_and_settings(desk: Desk):
    desk.install(desk.bundle("first"))
    places = desk.places
    (places.data / "recording").write_text("what was said")
    assert desk.uninstall().exit_code == 0
    left = {path.relative_to(places.root).as_posix() for path in files(places.root)}
    ours = {path for path in left if "echobase" in path}
    assert ours == {
        "etc/echobase/airgap.pub.pem",
        "etc/echobase/echobase.env",
        "usr/local/lib/sysusers.d/echobase.conf",
        "var/lib/echobase/recording",
    }
    result = desk.install(desk.folder / "first")
    assert result.exit_code == 0, result.output
    assert (places.data / "recording").read_text() == "what was said"


def test_a_purge_asks_first(desk: Desk):
    desk.install(desk.bundle("first"))
    places = desk.places
    refused = desk.uninstall("--purge")
    assert refused.exit_code == 1
    assert places.current.exists()
    assert desk.uninstall("--purge", "--yes").exit_code == 0
    assert not [
        path
        for path in files(places.root)
        if "echobase" in path.as_posix()[len(str(places.root)) :]
    ]


def test_what_is_not_ours_stays(desk: Desk):
    desk.install(desk.bundle("first"))
    places = desk.places
    theirs = [places.units / "echobase-nightly.service", places.home / "notes/why.txt"]
    for path in theirs:
        path.parent.mkdir(exist_ok=True)
        path.write_text("[Service]\nExecStart=/usr/local/bin/nightly\n")
    desk.update(desk.bundle("second", code=b"2"))
    assert all(path.is_file() for path in theirs)
    assert desk.uninstall("--purge", "--yes").exit_code == 0
    assert all(path.is_file() for path in theirs)
    assert {path.name for path in places.home.iterdir()} == {"notes"}


def test_two_at_once_are_refused(desk: Desk):
    desk.install(desk.bundle("first"))
    with BoxSite(desk.places.root).claimed():
        assert "another" in str(desk.uninstall().exception)
    assert desk.places.current.exists()


@pytest.mark.parametrize("root", ["/", "//", "/tmp/.."])
def test_the_machine_is_the_machine_however_it_is_named(root: str):
    assert not box(Path(root), lambda _: None, 0).places.scratch


def files(root: Path) -> list[Path]:
    return [path for path in root.rglob("*") if path.is_symlink() or path.is_file()]
