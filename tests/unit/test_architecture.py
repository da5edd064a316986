"""The shape of the house: who may import whom, how long a file may be, what a lock may hold."""

from pathlib import Path

import pytest
from packaging.requirements import Requirement

from tests.support import imports, locks, repository
from tests.support.repository import ROOT

LONG_FOR_A_REASON = {
    "deploy/k3s/base/users.conf": "the rights of every user, made from the code",
    "README.md": "most of it is tables, half of them made from the code",
    "docs/asyncapi.yaml": "made from the code",
    "deploy/README.md": "one page for whoever runs a site, much of it tables",
    "requirements/": "locks are written by uv",
    "services/transcriber/demo_model/": "a tokenizer's tables are data",
}
HASH = "--hash=sha256:" + 64 * "a"


def test_no_service_imports_another_and_shared_imports_none() -> None:
    assert imports.faults(ROOT) == []


@pytest.mark.parametrize(
    ("file", "source", "name"),
    [
        ("services/ingest/app.py", "import services.stream.hub", "services.stream.hub"),
        ("services/ingest/app.py", "from services import stream", "services.stream"),
        ("services/ingest/app.py", "from ..stream import hub", "services.stream"),
        ("services/ingest/app.py", "def f():\n    import services.stream", "services.stream"),
        (
            "services/ingest/app.py",
            "import importlib\nimportlib.import_module('services.stream.hub')",
            "services.stream.hub",
        ),
        ("services/ingest/app.py", "NAME = 'services.stream.hub:Hub'", "services.stream.hub"),
        ("shared/bus.py", "from services.ingest import spool", "services.ingest"),
        ("shared/bus.py", "__import__('services.ingest')", "services.ingest"),
        ("shared/bus.py", "import deploy.local.stack", "deploy.local.stack"),
        ("services/ingest/app.py", "from deploy.local import stack", "deploy.local"),
        ("deploy/local/stack.py", "from services.ingest import app", "services.ingest"),
        ("deploy/local/stack.py", "import tests.support", "tests.support"),
    ],
)
def test_a_planted_import_is_found(tmp_path: Path, file: str, source: str, name: str) -> None:
    planted(tmp_path, file, source)
    assert any(fault.endswith(f"imports {name}") for fault in imports.faults(tmp_path))


@pytest.mark.parametrize(
    ("file", "source"),
    [
        ("services/ingest/app.py", "from services.ingest import spool"),
        ("services/ingest/app.py", "from . import spool"),
        ("services/ingest/app.py", "from shared import bus"),
        ("services/ingest/app.py", "'''What services.stream does is not our business.'''"),
        ("deploy/local/stack.py", "COMMAND = ('-m', 'services.ingest')"),
    ],
)
def test_what_is_allowed_is_no_fault(tmp_path: Path, file: str, source: str) -> None:
    planted(tmp_path, file, source)
    assert imports.faults(tmp_path) == []


def test_every_service_is_known() -> None:
    folders = {p.parent.name for p in (ROOT / "services").glob("*/__init__.py")}
    assert folders == set(imports.SERVICES)


def test_no_file_is_too_long_without_a_reason() -> None:
    assert repository.too_long(repository.text_files(ROOT), ROOT, LONG_FOR_A_REASON) == []


def test_a_long_file_is_found(tmp_path: Path) -> None:
    planted(tmp_path, "shared/long.py", "x = 1\n" * 401)
    planted(tmp_path, "shared/short.py", "x = 1\n" * 400)
    found = repository.too_long(repository.text_files(tmp_path), tmp_path, {"gone/": "was long"})
    assert found == ["shared/long.py has 401 lines", "gone/ needs no reason any more"]


def test_nothing_names_a_registry_or_somebodys_machine() -> None:
    found = {
        str(path.relative_to(ROOT)): mentioned
        for path in repository.text_files(ROOT)
        if (mentioned := repository.mentions(path.read_text("utf-8", errors="replace")))
    }
    assert found == {}


def test_a_registry_and_a_path_are_found() -> None:
    host = "files." + "pythonhosted" + ".org"
    assert repository.mentions(f"https://{host}/packages") == [host.removeprefix("files.")]
    assert repository.mentions("see /" + "work/notes") == ["/" + "work/n"]
    assert repository.mentions("services/work/notes") == []


def test_every_extra_has_its_lock_and_every_lock_its_extra() -> None:
    found = {path.stem for path in (ROOT / "requirements").glob("*.txt")}
    # uv, which installs the rest, has a lock and is no extra; so have CUDA's libraries.
    assert found == {*locks.project(ROOT).optional_dependencies, "uv", "cuda"}


@pytest.mark.parametrize(
    ("group", "pins"),
    [("uv", ["uv"]), ("cuda", ["nvidia-cublas-cu12", "nvidia-cuda-nvrtc-cu12"])],
)
def test_the_lock_of_a_group_holds_its_packages_and_hashes_alone(
    group: str, pins: list[str]
) -> None:
    lock = locks.read((ROOT / f"requirements/{group}.txt").read_text("utf-8"))
    assert lock.faults == []
    assert list(lock.pins) == pins


@pytest.mark.parametrize("extra", sorted(locks.project(ROOT).optional_dependencies))
def test_a_lock_holds_names_versions_and_hashes_of_what_its_extra_asks_for(extra: str) -> None:
    lock = locks.read((ROOT / f"requirements/{extra}.txt").read_text("utf-8"))
    assert lock.faults == []
    assert locks.disagreements(lock, locks.requirements(locks.project(ROOT), extra)) == []


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a==1.0\n",
        "a==1.0 \\\n",
        f"a==1.0 \\\n    {HASH} \\\n",
        f"a @ https://example.net/a.whl \\\n    {HASH}\n",
        f"--index-url https://example.net\na==1.0 \\\n    {HASH}\n",
        f"a==1.0 \\\n    {HASH}\n    # from https://example.net\n",
        f"a>=1.0 \\\n    {HASH}\n",
        "a==1.0 \\\n    --hash=md5:aa\n",
        "-e .\n",
    ],
)
def test_a_bad_lock_is_found(text: str) -> None:
    assert locks.read(text).faults != []


def test_a_lock_that_disagrees_is_found() -> None:
    lock = locks.read(f"A_b==1.0 ; sys_platform == 'linux' \\\n    {HASH}\n")
    assert lock.faults == []
    wanted = [Requirement(r) for r in ("a-b>=1", "a-b>=2", "c")]
    assert locks.disagreements(lock, wanted) == [
        "a-b>=2 is not met by ['1.0']",
        "c is not met by []",
    ]


def test_an_extra_brings_what_it_names() -> None:
    project = locks.Project("p", "1", ["base"], {"a": ["x"], "b": ["p[a]", "y"]})
    found = [r.name for r in locks.requirements(project, "b")]
    assert set(found) == {"base", "x", "y"}


def planted(root: Path, file: str, source: str) -> None:
    """Write one file of a project."""
    path = root / file
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(source, "utf-8")
