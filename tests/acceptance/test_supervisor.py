"""How a stack begins and ends: on its own, refused, restarted, killed."""

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from shared.client import Client
from tests.acceptance.test_words import CALL, fields
from tests.support.sockets import family, listening
from tests.support.stack import PATIENCE, RunningStack, command, events_of, words

pytestmark = pytest.mark.stack


@pytest.fixture
def own(tmp_path: Path) -> Iterator[RunningStack]:
    """A stack of the test's own."""
    running = RunningStack(tmp_path)
    running.start()
    yield running
    running.stop()


def test_every_socket_of_the_stack_is_on_loopback(stack: RunningStack):
    sockets = listening(stack.supervisor.pid)
    assert set(stack.ports.values()) <= {port for _, port in sockets}
    assert {address for address, _ in sockets} == {"127.0.0.1"}


def test_a_second_stack_on_the_same_folder_is_refused(stack: RunningStack):
    second = stack.run("up")
    assert second.returncode == 1
    assert "already uses" in second.stderr
    assert "ECHOBASE_DATA" in second.stderr
    assert len(second.stderr.splitlines()) == 1


def test_up_never_moves_a_port_that_is_taken(stack: RunningStack, tmp_path: Path):
    result = stack.run("up", ECHOBASE_DATA=str(tmp_path / "other"))
    assert result.returncode == 2
    assert result.stderr.startswith("echobase: ECHOBASE_STREAM_PORT=")
    assert "is taken" in result.stderr
    assert len(result.stderr.splitlines()) == 1


def test_a_model_that_is_not_there_ends_the_start_with_one_line(tmp_path: Path):
    failing = RunningStack(tmp_path, WHISPER_MODEL_NAME=str(tmp_path / "nothing"))
    failing.spawn()
    assert failing.supervisor.wait(60) == 1
    last = failing.output.read_text().splitlines()[-1]
    assert last.startswith("echobase: transcriber: ")
    assert "WHISPER_MODEL_NAME" in last


async def test_a_second_start_serves_as_the_first_did(own: RunningStack):
    async with Client(own.addresses) as client:
        before = await client.upload(CALL.path, fields())
        assert words(await events_of(client, before)) == CALL.text
    assert own.stop() == 0
    assert not (own.data / "stack.json").exists()
    own.start()
    async with Client(own.addresses) as client:
        assert words(await events_of(client, before)) == CALL.text
        after = await client.upload(CALL.path, fields())
        assert words(await events_of(client, after)) == CALL.text


def test_a_killed_supervisor_leaves_no_process_and_can_be_started_again(own: RunningStack):
    members = family(own.supervisor.pid)
    assert len(members) >= 6
    own.supervisor.kill()
    own.supervisor.wait()
    wait_until_gone(members)
    own.start()


def test_stop_ends_a_stack_politely(own: RunningStack):
    members = family(own.supervisor.pid)
    subprocess.run(
        [sys.executable, "-m", "deploy.local.stop"], env=own.env, cwd=own.folder, check=True
    )
    assert own.supervisor.wait(10) == 0
    wait_until_gone(members)


def test_what_the_stack_keeps_secret_nobody_else_may_read(stack: RunningStack):
    for name in ("secrets.json", "stack.json", "nats/nats.conf"):
        assert (stack.data / name).stat().st_mode & 0o077 == 0, name


def test_demo_takes_free_ports_and_prints_the_words(stack: RunningStack, tmp_path: Path):
    env = {**stack.env, "ECHOBASE_DATA": str(tmp_path / "data")}
    del env["WHISPER_MODEL_NAME"]
    result = command("demo", env=env | {"AUDIO": str(CALL.path)}, folder=tmp_path)
    assert result.returncode == 0, result.stdout + result.stderr
    assert "small radio vocabulary" in result.stdout
    assert result.stdout.count(CALL.text) == 2
    assert "real-time factor" in result.stdout
    page = next(line for line in result.stdout.splitlines() if line.startswith("Page:"))
    assert f":{stack.ports['STREAM']}/" not in page


def test_demo_says_why_no_transcript_came(stack: RunningStack, tmp_path: Path):
    (tmp_path / "notes.wav").write_text("no audio at all")
    env = {**stack.env, "ECHOBASE_DATA": str(tmp_path / "data"), "AUDIO": "notes.wav"}
    result = command("demo", env=env, folder=tmp_path)
    assert result.returncode == 1
    assert result.stderr.startswith("echobase: 415: ")
    assert len(result.stderr.splitlines()) == 1


def wait_until_gone(pids: list[int]) -> None:
    """Poll until none of the processes is there."""
    deadline = time.monotonic() + PATIENCE
    while alive := [pid for pid in pids if Path(f"/proc/{pid}").exists() and not _is_dead(pid)]:
        assert time.monotonic() < deadline, alive
        time.sleep(0.02)


def _is_dead(pid: int) -> bool:
    """Whether nothing but its exit code is left of a process."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except (FileNotFoundError, ProcessLookupError):
        return True
