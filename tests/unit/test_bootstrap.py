"""How the environment is made: from the user's index, once, and again when a lock changes."""

from pathlib import Path

import pytest

from deploy.local import bootstrap


def test_uv_is_told_what_pip_was_told(monkeypatch: pytest.MonkeyPatch):
    for name in ("UV_DEFAULT_INDEX", "UV_INDEX", "UV_FIND_LINKS", "SSL_CERT_FILE"):
        monkeypatch.delenv(name, raising=False)
    found = bootstrap.index_settings(
        {
            "index-url": "https://mirror.example/simple",
            "extra-index-url": "https://a.example/simple https://b.example/simple",
            "find-links": "/wheels /more",
            "cert": "/etc/ca.pem",
        }
    )
    assert found["UV_DEFAULT_INDEX"] == "https://mirror.example/simple"
    assert found["UV_INDEX"] == "https://a.example/simple https://b.example/simple"
    assert found["UV_FIND_LINKS"] == "/wheels,/more"
    assert found["SSL_CERT_FILE"] == "/etc/ca.pem"
    assert found["UV_INDEX_STRATEGY"] == "unsafe-best-match"


def test_uvs_own_variables_win(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("UV_DEFAULT_INDEX", "https://mine.example/simple")
    assert "UV_DEFAULT_INDEX" not in bootstrap.index_settings({"index-url": "https://x.example"})


def test_without_a_configuration_the_usual_index_is_used(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("UV_INDEX", raising=False)
    found = bootstrap.index_settings({})
    assert not [name for name in found if "INDEX" in name]


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
