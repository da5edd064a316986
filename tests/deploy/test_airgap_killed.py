"""`apply` is killed at its effects, one after the other, and finishes at the next run."""

import subprocess
import sys
from pathlib import Path

import pytest

from deploy.airgap.apply import BACKWARD, FORWARD
from tests.support.repository import ROOT


def killed(folder: Path, what: str, first: int, step: int) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "tests.support.airgap_killed", str(folder), what]
    return subprocess.run(
        [*command, str(first), str(step)], cwd=ROOT, capture_output=True, text=True, timeout=300
    )


@pytest.mark.parametrize(
    ("what", "every", "steps"),
    [
        # A step's note in the journal is three effects: so a kill falls between any two steps.
        ("update", 3, FORWARD),
        ("broken", 3, (*FORWARD[:5], *BACKWARD)),
        ("first", 10, FORWARD),
    ],
)
def test_killed_at_any_effect_it_ends_well_at_the_next_run(
    tmp_path: Path, what: str, every: int, steps: tuple[str, ...]
) -> None:
    done = killed(tmp_path / "scene", what, 1, every)
    assert done.returncode == 0, done.stderr
    # It did go all the way: a step and its note are more effects than these.
    assert int(done.stdout) > 4 * len(steps)


def test_a_careless_writer_is_found(tmp_path: Path) -> None:
    done = killed(tmp_path / "scene", "careless", 30, 1)
    assert "AssertionError" in done.stderr
