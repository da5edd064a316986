"""A model's folder is whole or not there, however often its fetch is interrupted."""

import shutil
from pathlib import Path

import msgspec
import pytest

from services.transcriber.model_fetch import from_folder, from_hub, install, is_here
from services.transcriber.model_files import FILE, ModelFiles, describe, listed_in, read
from services.transcriber.models import DEMO_FOLDER, find_configured
from shared.errors import ModelUnavailable


@pytest.fixture
def models(tmp_path: Path) -> Path:
    return tmp_path / "models"


def test_a_folder_is_copied_once_and_found(models: Path) -> None:
    assert install("site", models, from_folder(DEMO_FOLDER, "site"))
    assert not install("site", models, from_folder(DEMO_FOLDER, "site"))
    found = find_configured("site", models, offline=True)
    assert found.folder == models / "site"
    assert describe(found.folder) == describe(DEMO_FOLDER) == listed_in(found.folder)


def test_a_folder_of_models_is_searched_for_the_one(tmp_path: Path, models: Path) -> None:
    shutil.copytree(DEMO_FOLDER, tmp_path / "bundle/owner--tuned")
    install("owner/tuned", models, from_folder(tmp_path / "bundle", "owner/tuned"))
    assert find_configured("owner/tuned", models, offline=True).folder == models / "owner--tuned"


@pytest.mark.parametrize("name", ["gone", "empty"])
def test_a_folder_without_a_model_is_refused(tmp_path: Path, models: Path, name: str) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(ModelUnavailable):
        install("site", models, from_folder(tmp_path / name, "site"))
    assert not is_here("site", models)


def test_a_half_filled_folder_is_no_model_and_is_replaced(models: Path) -> None:
    install("site", models, from_folder(DEMO_FOLDER, "site"))
    (models / "site/tokenizer.json").unlink()
    assert not is_here("site", models)
    assert install("site", models, from_folder(DEMO_FOLDER, "site"))
    assert is_here("site", models)


def test_a_fetch_that_was_interrupted_goes_on_where_it_was(tmp_path: Path, models: Path) -> None:
    hub = tmp_path / "hub"
    found: list[list[str]] = []

    def interrupted(folder: Path) -> ModelFiles:
        shutil.copy(DEMO_FOLDER / "model.bin", folder)
        raise OSError("the line is gone")

    def resumed(folder: Path) -> ModelFiles:
        found.append([path.name for path in folder.iterdir()])
        return from_folder(DEMO_FOLDER, "site")(folder)

    with pytest.raises(OSError, match="the line is gone"):
        install("site", models, interrupted)
    with pytest.raises(ModelUnavailable):
        find_configured("site", models, offline=True)
    assert install("site", models, resumed)
    assert found == [["model.bin"]]
    assert sorted(path.name for path in models.iterdir()) == [".site.lock", "site"]
    assert not hub.exists()


def test_a_copy_with_a_wrong_byte_is_refused_and_forgotten(tmp_path: Path, models: Path) -> None:
    source = tmp_path / "bundle"
    shutil.copytree(DEMO_FOLDER, source)
    (source / FILE).write_bytes(msgspec.json.encode(describe(source)))
    weights = bytearray((source / "model.bin").read_bytes())
    weights[1000] ^= 1
    (source / "model.bin").chmod(0o644)
    (source / "model.bin").write_bytes(weights)
    with pytest.raises(ModelUnavailable, match=r"model\.bin is another one"):
        install("site", models, from_folder(source, "site"))
    assert sorted(path.name for path in models.iterdir()) == [".site.lock"]


def test_what_the_hubs_client_keeps_by_links_becomes_files(tmp_path: Path, models: Path) -> None:
    names = [file.name for file in describe(DEMO_FOLDER).files]

    def download(folder: Path) -> Path:
        blobs, snapshot = folder / "blobs", folder / "snapshots/1"
        blobs.mkdir(parents=True)
        snapshot.mkdir(parents=True)
        for name in names:
            shutil.copy(DEMO_FOLDER / name, blobs)
            (snapshot / name).symlink_to(blobs / name)
        return snapshot

    install("medium.en", models, from_hub(download))
    place = models / "medium.en"
    assert {path.name for path in place.iterdir()} == {FILE, *names}
    assert not any(path.is_symlink() for path in place.iterdir())
    assert find_configured("medium.en", models, offline=True).folder == place


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b'{"files": []}',
        b'{"files": [{"name": "../x", "size": 1, "sha256": ""}]}',
        b'{"files": [{"name": "model.bin", "size": 1, "sha256": ""},'
        b' {"name": "a/b", "size": 1, "sha256": ""}]}',
    ],
)
def test_a_list_that_could_reach_elsewhere_or_has_no_weights_is_refused(content: bytes) -> None:
    with pytest.raises(ModelUnavailable):
        read(content, "the store")
