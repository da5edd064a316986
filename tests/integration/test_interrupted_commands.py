"""Ctrl-C ends a command quietly, with the status by which a shell knows it."""

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support import audio_files
from tests.support.repository import ROOT

WAIT = 60.0
# Whoever runs the tests in the background makes every child of theirs deaf to Ctrl-C.
PROGRAM = """
import signal
signal.signal(signal.SIGINT, signal.default_int_handler)
from shared.cli import main
main()
"""


@pytest.mark.parametrize("command", [["submit", "call.wav"], ["doctor"], ["dead", "list"]])
def test_ctrl_c_is_quiet(tmp_path: Path, command: list[str]) -> None:
    (tmp_path / "call.wav").write_bytes(audio_files.wav())
    with socket.create_server(("127.0.0.1", 0)) as mute:
        port = mute.getsockname()[1]
        env = os.environ | {
            "ECHOBASE_STREAM_PORT": str(port),
            "ECHOBASE_INGEST_PORT": str(port),
            "ECHOBASE_NATS_URL": f"nats://127.0.0.1:{port}",
            "ECHOBASE_DATA": str(tmp_path),
            "PYTHONPATH": str(ROOT),
        }
        process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, *command],
            cwd=tmp_path,
            env=env,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        try:
            mute.settimeout(WAIT)
            with mute.accept()[0]:
                # It waits now for an answer that does not come.
                os.kill(process.pid, signal.SIGINT)
                said, _ = process.communicate(timeout=WAIT)
        finally:
            process.kill()
            process.communicate()
    assert process.returncode == 130, said
    assert "Aborted" not in said
    assert "Traceback" not in said
