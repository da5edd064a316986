"""What the allocator keeps for the next call, and gives back when there is none."""

import subprocess
import sys

from tests.support.repository import ROOT

_MEASURE = """
import sys
from pathlib import Path
from services.transcriber.process import prepare
prepare()
import numpy as np
from services.transcriber.speech import BLOCK
from services.transcriber.silero import speech_timestamps
from shared.allocator import trim

def resident():
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096

speech_timestamps(np.zeros(16_000, np.float32), 1.0, 30.0)
before = resident()
speech_timestamps(np.zeros(BLOCK, np.float32), 1.0, 30.0)
if sys.argv[1] == "idle":
    trim()
print(resident() - before)
"""


def test_what_five_minutes_need_stays_for_the_next_and_goes_when_there_is_none() -> None:
    assert grown("idle") < 40e6 < grown("busy")


def grown(how: str) -> int:
    """Bytes by which a process is larger after the voice detector's largest look."""
    run = subprocess.run(
        [sys.executable, "-c", _MEASURE, how], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return int(run.stdout)
