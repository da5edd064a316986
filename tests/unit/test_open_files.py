"""A service may have as many connections as the system allows."""

import resource
import subprocess
import sys

from tests.support.repository import ROOT

_TELL = """
import resource
from shared.open_files import raise_limit
raise_limit()
print(*resource.getrlimit(resource.RLIMIT_NOFILE))
"""


def limits(soft: int, hard: int) -> list[int]:
    """Of a process that was given these, and raised the first."""
    run = subprocess.run(
        [sys.executable, "-c", _TELL],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard)),
    )
    return [int(limit) for limit in run.stdout.split()]


def test_the_limit_is_what_the_system_allows() -> None:
    assert limits(64, 900) == [900, 900]
    assert limits(900, 900) == [900, 900]
