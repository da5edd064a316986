"""A test that is not run fails the suite, and so does a suite without tests."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
NOT_RUN = """
import pytest

def test_good(): pass

def test_skipped(): pytest.skip("no time")

@pytest.mark.skip
def test_marked(): pass

@pytest.mark.xfail
def test_may_fail(): assert False

@pytest.mark.xfail
def test_may_pass(): pass
"""


def run(folder: Path, **tests: str) -> subprocess.CompletedProcess[str]:
    for name, text in tests.items():
        (folder / f"test_{name}.py").write_text(text)
    command = [sys.executable, "-m", "pytest", "-c", "/dev/null", "-p", "tests.conftest"]
    return subprocess.run(
        [*command, "--rootdir", str(folder), "-p", "no:cacheprovider", str(folder)],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )


def test_what_is_not_run_fails(tmp_path: Path):
    result = run(tmp_path, some=NOT_RUN)
    assert result.returncode == 1
    assert "3 failed, 1 passed, 1 error" in result.stdout


def test_a_module_that_is_not_collected_fails(tmp_path: Path):
    skipping = "import pytest\npytest.skip('not here', allow_module_level=True)\n"
    result = run(tmp_path, good="def test_good(): pass\n", absent=skipping)
    assert result.returncode != 0
    assert "not collected, so it failed" in result.stdout


def test_a_suite_without_tests_fails(tmp_path: Path):
    assert run(tmp_path).returncode != 0
