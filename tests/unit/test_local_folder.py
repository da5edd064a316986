"""The data folder of a local stack: held by one, with credentials that last."""

import os
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from deploy.local.folder import FolderInUse, claimed, credentials, is_claimed
from shared.errors import SettingError
from shared.rights import USER_NAMES
from shared.settings import NatsSettings, SiteSettings
from shared.stack import (
    Addresses,
    Stack,
    addresses,
    nats_settings,
    read_stack,
    write_stack,
)

HOLD = """
import sys
from pathlib import Path
from deploy.local.folder import claimed
with claimed(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_a_folder_is_held_by_one_process(tmp_path: Path):
    assert not is_claimed(tmp_path)
    command = [sys.executable, "-c", HOLD, str(tmp_path)]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        assert is_claimed(tmp_path)
        with pytest.raises(FolderInUse, match="ECHOBASE_DATA"), claimed(tmp_path):
            pass
        holder.kill()
    with claimed(tmp_path):
        assert is_claimed(tmp_path)
    assert not is_claimed(tmp_path)


def test_credentials_are_made_once_and_are_private(tmp_path: Path):
    made = credentials(tmp_path)
    assert credentials(tmp_path) == made
    assert credentials(tmp_path / "..") != made
    (tmp_path / ".." / "secrets.json").unlink()
    assert (tmp_path / "secrets.json").stat().st_mode & 0o777 == 0o600


def test_damaged_credentials_are_named(tmp_path: Path):
    (tmp_path / "secrets.json").write_text("{bad")
    with pytest.raises(SettingError, match=r"secrets\.json cannot be read .* remove it"):
        credentials(tmp_path)


def test_a_folder_with_one_user_for_all_gets_the_others(tmp_path: Path):
    one = {"nats_user": "echobase", "nats_password": "p"}
    store = {"store_access_key": "a", "store_secret_key": "s"}
    (tmp_path / "secrets.json").write_bytes(msgspec.json.encode(one | store))
    found = credentials(tmp_path)
    assert (found.nats_user, found.nats_password, found.store_secret_key) == ("admin", "p", "s")
    assert {*found.nats_passwords, "admin"} == set(USER_NAMES)
    assert credentials(tmp_path) == found


def test_a_folder_that_is_made_is_this_users_alone(tmp_path: Path):
    with claimed(tmp_path / "new"):
        assert (tmp_path / "new").stat().st_mode & 0o777 == 0o700


def test_what_cannot_be_the_folder_is_named(tmp_path: Path):
    (tmp_path / "file").touch()
    with pytest.raises(SettingError, match=r"^ECHOBASE_DATA="), claimed(tmp_path / "file"):
        pass


def stack(supervisor: int, nats: str = "") -> Stack:
    return Stack(
        supervisor=supervisor,
        stream="http://localhost:20001",
        ingest="http://localhost:20002",
        health={},
        pids={},
        nats=nats,
    )


def test_commands_find_the_running_stack(tmp_path: Path):
    env = {"ECHOBASE_DATA": str(tmp_path), "ECHOBASE_API_KEY": "k"}
    usual = Addresses(stream="http://localhost:3000", ingest="http://localhost:3001", key="k")
    assert addresses(env) == usual
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        write_stack(tmp_path, stack(process.pid))
        assert read_stack(tmp_path) == stack(process.pid)
        assert addresses(env).stream == "http://localhost:20001"
        elsewhere = env | {"ECHOBASE_PUBLIC_URL": "https://radio.example/"}
        assert addresses(elsewhere).stream == "https://radio.example"
        assert addresses(elsewhere).ingest == "http://localhost:20002"
        process.kill()
    assert addresses(env) == usual


def test_commands_find_the_running_stack_s_broker(tmp_path: Path):
    env = {"ECHOBASE_DATA": str(tmp_path)}
    assert nats_settings(env) == NatsSettings()
    login = credentials(tmp_path)
    write_stack(tmp_path, stack(os.getpid(), "nats://127.0.0.1:20003"))
    found = nats_settings(env)
    assert found.nats_url == "nats://127.0.0.1:20003"
    assert (found.nats_user, found.nats_password) == (login.nats_user, login.nats_password)
    elsewhere = env | {"ECHOBASE_NATS_URL": "nats://radio.example"}
    assert nats_settings(elsewhere) == NatsSettings(nats_url="nats://radio.example")
    write_stack(tmp_path, stack(os.getpid()))
    assert nats_settings(env) == NatsSettings()


def test_credentials_that_cannot_be_read_are_named(tmp_path: Path):
    write_stack(tmp_path, stack(os.getpid(), "nats://127.0.0.1:20003"))
    with pytest.raises(SettingError, match=r"secrets\.json"):
        nats_settings({"ECHOBASE_DATA": str(tmp_path)})


def test_a_description_that_is_broken_counts_as_none(tmp_path: Path):
    (tmp_path / "stack.json").write_text("{")
    assert read_stack(tmp_path) is None
    assert SiteSettings(data=tmp_path).data == tmp_path
