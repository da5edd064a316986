"""How the environment is made: from the user's index, once, and again when a lock changes."""

from pathlib import Path

import pytest

from deploy.local import bootstrap


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """A project in which installing is only noted: which extras, in order."""
    (tmp_path / "requirements").mkdir()
    (tmp_path / "pyproject.toml").write_text("")
    for extra in bootstrap.EXTRAS:
        (tmp_path / f"requirements/{extra}.txt").write_text(extra)
    venv = tmp_path / ".venv"
    (venv / "bin").mkdir(parents=True)
    (venv / "bin/python").touch()
    monkeypatch.setattr(bootstrap, "ROOT", tmp_path)
    monkeypatch.setattr(bootstrap, "VENV", venv)
    monkeypatch.setattr(bootstrap, "STAMP", venv / ".echobase.json")
    installed: list[str] = []

    def note(_uv: Path, extra: str) -> None:
        (venv / ".echobase.json").unlink(missing_ok=True)
        installed.append(extra)

    monkeypatch.setattr(bootstrap, "install", note)
    monkeypatch.setattr(bootstrap, "ensure_uv", lambda: Path("uv"))
    return installed


def test_a_second_run_installs_nothing(project: list[str]):
    bootstrap.main("local")
    bootstrap.main("local")
    assert project == ["local"]


def test_the_larger_extra_serves_the_smaller_one(project: list[str]):
    bootstrap.main("local")
    bootstrap.main("dev")
    bootstrap.main("local")
    assert project == ["local", "dev"]


def test_a_changed_lock_is_installed_for_what_was_there(project: list[str], tmp_path: Path):
    bootstrap.main("dev")
    (tmp_path / "requirements/dev.txt").write_text("changed")
    bootstrap.main("local")
    bootstrap.main("dev")
    assert project == ["dev", "dev"]


def test_an_interrupted_run_is_taken_up_again(project: list[str], monkeypatch: pytest.MonkeyPatch):
    def interrupted(_uv: Path, _extra: str) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(bootstrap, "install", interrupted)
        with pytest.raises(KeyboardInterrupt):
            bootstrap.main("local")
    bootstrap.main("local")
    assert project == ["local"]


def test_what_is_no_extra_is_refused():
    with pytest.raises(bootstrap.BootstrapError, match="local, dev"):
        bootstrap.main("everything")
