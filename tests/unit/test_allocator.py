"""What lay between small blocks goes back when it is freed."""

import subprocess
import sys

from tests.support.repository import ROOT

_MEASURE = """
import sys
from pathlib import Path
from shared.allocator import MIB, give_back
if sys.argv[1] == "told":
    assert give_back(MIB // 4, MIB)

def resident():
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096

before = resident()
# Freed, it raises the size from which blocks have pages of their own.
largest = b"x" * (30 * MIB)
del largest
large, small = [], []
for _ in range(40):
    large.append(b"x" * MIB)
    small.append(b"x" * 2000)
large.clear()
print(resident() - before)
"""


def test_what_lay_between_small_blocks_is_given_back() -> None:
    assert grown("told") < 10e6 < grown("untold")


def grown(how: str) -> int:
    """Bytes by which a process is larger after it has freed 40 MiB."""
    run = subprocess.run(
        [sys.executable, "-c", _MEASURE, how], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return int(run.stdout)
