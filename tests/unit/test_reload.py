"""The reloader's decisions; with real processes it is shown by `tests/acceptance/test_dev.py`."""

import os
import sys
import time
from pathlib import Path

import pytest

from deploy.local.dev import MARK, Tail
from shared.reload import changes, runner
from shared.reload.changes import Saved
from shared.reload.link import (
    Failed,
    Go,
    Imported,
    Load,
    Order,
    Prepare,
    Ready,
    Said,
    decode_order,
    decode_said,
    encode,
)
from shared.reload.reloader import PREFIX, exit_code, how


@pytest.mark.parametrize("order", [Prepare(["json"]), Load(), Go()])
def test_an_order_comes_through(order: Order) -> None:
    assert decode_order(encode(order)) == order


@pytest.mark.parametrize("said", [Imported(["/a.py"]), Failed(["a\nb"]), Ready(["json"])])
def test_what_a_process_says_is_one_line(said: Said) -> None:
    assert encode(said).count(b"\n") == 1
    assert decode_said(encode(said)) == said


def test_a_save_concerns_the_files_that_it_names() -> None:
    saved = Saved(frozenset({Path("/code/a.py"), Path("/code/b.py")}), 0.0)
    assert saved.concerns(["/code/c.py", "/code/b.py"])
    assert not saved.concerns(["/code/c.py"])
    assert saved.described(Path("/code")) == "2 files were saved"
    assert Saved(frozenset({Path("/code/a.py")}), 0.0).described(Path("/code")) == "a.py was saved"


def test_the_time_of_a_save_is_the_files_own_if_that_can_be(tmp_path: Path) -> None:
    now = time.time()
    for name, age in (("new", 1.0), ("newer", 0.5), ("copied", 3600.0), ("ahead", -60.0)):
        (tmp_path / name).touch()
        os.utime(tmp_path / name, (now - age, now - age))
    files = [tmp_path / name for name in ("new", "newer", "copied", "ahead", "gone")]
    assert changes.saved_at(files, now) == pytest.approx(now - 0.5, abs=0.01)
    assert changes.saved_at(files[2:], now) == now


def test_a_second_save_within_a_second_runs_its_own_code(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "pycache_prefix", None)
    source, compiled = tmp_path / "a.py", tmp_path / "__pycache__"
    compiled.mkdir()
    cached = compiled / f"a.{sys.implementation.cache_tag}.pyc"
    cached.touch()
    changes.forget_compiled([source, tmp_path / "never_compiled.py"])
    assert not cached.exists()


def test_python_alone_restarts_a_service() -> None:
    watched = changes.Code()
    code = [
        path
        for path in ("/s/a.py", "/s/page/a.js", "/s/.a.py.swp", "/s/__pycache__/a.pyc", "/s/a.py~")
        if watched(changes.Change.modified, path)
    ]
    assert code == ["/s/a.py"]


def test_an_error_is_told_without_the_frames_of_libraries(tmp_path: Path) -> None:
    broken = tmp_path / "broken.py"
    broken.write_text("def (")
    with pytest.raises(SyntaxError) as caught:
        compile(broken.read_text(), str(broken), "exec")
    lines = runner.explain(caught.value)
    assert lines[-1] == "SyntaxError: invalid syntax"
    assert not [line for line in lines if "test_reload" in line]


def test_only_the_projects_own_modules_are_its_files() -> None:
    own = runner.own_files()
    assert str(runner.ROOT / "shared/settings.py") in own or "shared.settings" not in sys.modules
    assert not [file for file in own if "/shared/reload/" in file or "site-packages" in file]
    libraries = runner.libraries()
    assert "msgspec" in libraries
    assert not [name for name in libraries if name.partition(".")[0] in ("shared", "services")]


@pytest.mark.parametrize(
    ("code", "exit", "words"),
    [(0, 0, "exit code 0"), (2, 2, "exit code 2"), (-9, 137, "killed by SIGKILL")],
)
def test_an_end_is_told_as_a_shell_does(code: int, exit: int, words: str) -> None:
    assert exit_code(code) == exit
    assert how(code) == words


def test_what_make_dev_shows_is_what_the_reloader_writes() -> None:
    assert MARK == PREFIX


def test_a_tail_gives_whole_lines_from_its_beginning_on(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text("old\n")
    tail = Tail(log)
    assert tail.lines() == []
    with log.open("a") as more:
        more.write("one\ntw")
    assert tail.lines() == ["one"]
    with log.open("a") as more:
        more.write("o\n")
    assert tail.lines() == ["two"]
    log.write_text("n\n")
    assert tail.lines() == ["n"]
    assert Tail(tmp_path / "none").lines() == []
