"""What the allocator gives back."""

import subprocess
import sys

from tests.support.repository import ROOT

_MEASURE = """
import sys
from pathlib import Path
if sys.argv[1] == "told":
    from services.transcriber.process import prepare
    prepare()
import numpy as np
from services.transcriber.speech import BLOCK
from services.transcriber.silero import speech_timestamps

def resident():
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096

speech_timestamps(np.zeros(16_000, np.float32), 1.0, 30.0)
before = resident()
speech_timestamps(np.zeros(BLOCK, np.float32), 1.0, 30.0)
print(resident() - before)
"""


def test_what_five_minutes_need_is_given_back() -> None:
    assert grown("told") < 40e6 < grown("untold")


def grown(how: str) -> int:
    """Bytes by which a process is larger after the voice detector's largest look."""
    run = subprocess.run(
        [sys.executable, "-c", _MEASURE, how], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return int(run.stdout)
