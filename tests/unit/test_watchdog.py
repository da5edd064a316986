"""The watchdog ends what it watches once its supervisor is gone."""

import subprocess
import sys

import pytest

SUPERVISOR = """
import sys
from deploy.local.watchdog import Watchdog
dog = Watchdog()
watched, let_go = map(int, sys.argv[1:])
dog.watch(watched)
dog.watch(let_go)
dog.forget(let_go)
print("up", flush=True)
sys.stdin.read()
dog.close()
"""
IDLE = [sys.executable, "-c", "input()"]
PIPE = subprocess.PIPE


@pytest.mark.parametrize("end", ["killed", "over"])
def test_children_die_with_their_supervisor_but_for_those_let_go(end: str):
    with subprocess.Popen(IDLE, stdin=PIPE) as watched, subprocess.Popen(IDLE, stdin=PIPE) as free:
        command = [sys.executable, "-c", SUPERVISOR, str(watched.pid), str(free.pid)]
        with subprocess.Popen(command, stdin=PIPE, stdout=PIPE) as supervisor:
            assert supervisor.stdout is not None
            assert supervisor.stdin is not None
            assert supervisor.stdout.readline() == b"up\n"
            assert watched.poll() is None
            if end == "killed":
                supervisor.kill()
            else:
                supervisor.stdin.close()
            assert watched.wait(30) == -9
        assert free.poll() is None
        free.kill()
