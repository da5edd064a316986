"""Finding a model, and what its folder says."""

import shutil
from pathlib import Path

import msgspec
import pytest

from services.transcriber.model_folder import Traits, read_traits
from services.transcriber.models import DEMO_FOLDER, at_hand, find_configured, find_named
from shared.errors import ModelAway, ModelUnavailable
from shared.settings import TranscriberSettings


def model_in(folder: Path) -> Path:
    folder.mkdir(parents=True)
    shutil.copy(DEMO_FOLDER / "model.bin", folder)
    return folder


def test_the_bundled_model_says_that_it_is_small() -> None:
    found = find_configured("demo", Path("models"), offline=True)
    assert found.folder == DEMO_FOLDER
    assert "small radio vocabulary" in found.traits.notice
    assert found.traits.languages == ["en"]


def test_a_folder_is_named_by_its_last_part(tmp_path: Path) -> None:
    folder = model_in(tmp_path / "tuned")
    found = find_configured(str(folder), tmp_path / "models", offline=True)
    assert (found.name, found.folder, found.traits) == ("tuned", folder, Traits())


def test_a_folder_below_the_models_folder_has_a_name_that_a_job_may_use(tmp_path: Path) -> None:
    folder = model_in(tmp_path / "tuned")
    assert find_named("tuned", tmp_path, fetch=False).folder == folder
    assert find_configured("tuned", tmp_path, offline=True).folder == folder


@pytest.mark.parametrize("name", ["medium.en", "large-v3", "owner/name", "nonsense", "./gone", "/"])
def test_what_cannot_be_had_says_what_to_set(tmp_path: Path, name: str) -> None:
    with pytest.raises(ModelUnavailable) as caught:
        find_configured(name, tmp_path, offline=True)
    line = str(caught.value)
    assert name in line
    assert "set WHISPER_MODEL_NAME to" in line
    assert "\n" not in line


def test_nothing_is_fetched_for_a_job(tmp_path: Path) -> None:
    with pytest.raises(ModelUnavailable, match="not on this machine") as caught:
        find_named("large-v3", tmp_path, fetch=False)
    assert not isinstance(caught.value, ModelAway), "trying again cannot help"
    # The operator's settings are no business of whoever sent the job.
    assert "WHISPER_MODEL_NAME" not in str(caught.value)


def test_a_hub_that_does_not_answer_may_do_so_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Nothing listens there: a fetch fails as it does without a network.
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(ModelAway, match="cannot be fetched"):
        find_named("tiny.en", tmp_path, fetch=True)


@pytest.mark.parametrize("name", ["..", "../x", "/etc", "owner/name", "a b", ".", "~", ""])
def test_a_job_cannot_reach_beyond_the_models_folder(tmp_path: Path, name: str) -> None:
    model_in(tmp_path / "x")
    with pytest.raises(ModelUnavailable, match="there is no model named"):
        find_named(name, tmp_path / "models", fetch=False)


def test_a_description_that_does_not_fit_names_file_and_field(tmp_path: Path) -> None:
    (tmp_path / "echobase.json").write_text('{"longest_chunk": 31}')
    with pytest.raises(ModelUnavailable, match=r"echobase.json does not fit.*longest_chunk"):
        read_traits(tmp_path)


def test_a_misspelt_field_is_refused(tmp_path: Path) -> None:
    (tmp_path / "echobase.json").write_text('{"longest_chunks": 3}')
    with pytest.raises(ModelUnavailable, match="longest_chunks"):
        read_traits(tmp_path)


def test_what_a_job_may_ask_for_is_announced(tmp_path: Path) -> None:
    here = TranscriberSettings(model_folder=tmp_path / "models")
    assert at_hand(here) == []
    for name in ("tuned", ".hidden", "owner--name"):
        model_in(tmp_path / "models" / name)
    (tmp_path / "models" / "empty").mkdir()
    assert at_hand(here) == ["owner--name", "tuned"]
    for name in at_hand(here):
        assert find_named(name, here.model_folder, fetch=False).name == name
    fetching = msgspec.structs.replace(here, fetch_for_jobs=True)
    assert {"tuned", "large-v3"} <= set(at_hand(fetching))
    assert at_hand(msgspec.structs.replace(fetching, offline=True)) == at_hand(here)
