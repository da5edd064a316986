"""Where a kustomize comes from on a machine that has none."""

import os
import shutil
from pathlib import Path

import pytest

from tests.support import kustomize
from tests.support.debian import addresses, mirrors, stanza
from tests.support.kustomize import NoKustomize, find, version_in

BOTH_FORMS = """\
Types: deb
# a comment
URIs: http://mirror.example/debian
Suites: bookworm bookworm-updates
Types: deb
URIs: http://mirror.example/debian-security
deb [signed-by=/x.gpg] https://other.example/debian/ bookworm main
# deb http://gone.example/debian bookworm main
deb https://packages.example/apt stable main
"""


def program(folder: Path, name: str, says: str) -> None:
    folder.mkdir(exist_ok=True)
    path = folder / name
    path.write_text(f"#!{shutil.which('sh')}\necho '{says}'\n")
    path.chmod(0o755)


@pytest.mark.parametrize(
    ("name", "says", "version"),
    [
        ("kustomize", "v5.6.0", (5, 6)),
        ("kustomize", "(devel)", (0, 0)),
        ("kubectl", "Client Version: v1.32.4\nKustomize Version: v5.5.0", (5, 5)),
        ("kubectl", 'Client Version: version.Info{Major:"1", Minor:"20"}', (0, 0)),
    ],
)
def test_a_version_is_read(name: str, says: str, version: tuple[int, int]) -> None:
    assert version_in(says, name) == version


def test_the_machines_own_is_taken_if_it_is_recent(tmp_path: Path) -> None:
    program(tmp_path, "kustomize", "v4.5.7")
    program(tmp_path, "kubectl", "Kustomize Version: v5.0.1")
    found = find({"PATH": str(tmp_path)}, tmp_path / "none")
    assert found.build == (str(tmp_path / "kubectl"), "kustomize")


def test_the_fetched_one_is_taken_otherwise(tmp_path: Path) -> None:
    program(tmp_path / "old", "kubectl", "Kustomize Version: v4.5.7")
    env = {"PATH": str(tmp_path / "old")}
    with pytest.raises(NoKustomize, match="install_kustomize"):
        find(env, tmp_path / "kustomize")
    program(tmp_path, "kustomize", "(devel)")
    assert find(env, tmp_path / "kustomize").build == (str(tmp_path / "kustomize"), "build")


def test_what_apt_uses_is_found_in_both_forms(tmp_path: Path) -> None:
    wanted = ["http://mirror.example/debian", "https://other.example/debian"]
    assert addresses(BOTH_FORMS) == wanted
    (tmp_path / "debian.sources").write_text(BOTH_FORMS)
    (tmp_path / "notes.txt").write_text("deb http://no.example/debian x main")
    assert mirrors([tmp_path, tmp_path / "sources.list"]) == wanted


def test_without_an_archive_it_says_so(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="no archive"):
        mirrors([tmp_path])


def test_the_archive_is_checked_by_its_own_keys() -> None:
    assert "Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg" in stanza(["x"], "trixie")


def test_a_kustomization_that_does_not_render_fails(tmp_path: Path) -> None:
    (tmp_path / "kustomization.yaml").write_text("resources: [missing.yaml]\n")
    with pytest.raises(AssertionError, match=r"missing\.yaml"):
        kustomize.find(os.environ).render(tmp_path)
