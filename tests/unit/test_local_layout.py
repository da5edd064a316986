"""What a local stack consists of, and where it listens."""

import socket
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import pytest

from deploy.local.layout import Layout, layout, log_path, put_aside
from deploy.local.ports import free_ports
from deploy.local.servers import NatsServer, S3Server
from shared.errors import SettingError

NAMES = ("STREAM", "INGEST", "TRANSCRIBER", "NATS", "STORE")


def environment(folder: Path, **more: str) -> dict[str, str]:
    ports = zip(NAMES, free_ports(len(NAMES)), strict=True)
    return {f"ECHOBASE_{name}_PORT": str(port) for name, port in ports} | {
        "ECHOBASE_DATA": str(folder),
        **more,
    }


@contextmanager
def taken(port: int) -> Generator[None]:
    with socket.create_server(("127.0.0.1", port)):
        yield


def names(found: Layout) -> list[str]:
    return [part.name for part in found.parts]


def env_of(found: Layout, name: str) -> dict[str, str]:
    return next(part.process.env for part in found.parts if part.name == name)


def test_it_has_two_servers_and_three_services_on_the_ports_that_are_set(tmp_path: Path):
    env = environment(tmp_path)
    found = layout(env, move=False)
    assert names(found) == ["nats-server", "store", "stream", "ingest", "transcriber"]
    assert found.stream == f"http://localhost:{env['ECHOBASE_STREAM_PORT']}"
    assert found.health["ingest"] == f"http://127.0.0.1:{env['ECHOBASE_INGEST_PORT']}"
    child = env_of(found, "transcriber")
    assert child["ECHOBASE_NATS_URL"] == f"nats://127.0.0.1:{env['ECHOBASE_NATS_PORT']}"
    assert child["ECHOBASE_STORE_URL"] == f"http://127.0.0.1:{env['ECHOBASE_STORE_PORT']}"
    logins = [env_of(found, name)["ECHOBASE_NATS_USER"] for name in ("stream", "ingest")]
    assert logins == ["stream", "ingest"]
    passwords = {
        env_of(found, name)["ECHOBASE_NATS_PASSWORD"]
        for name in ("stream", "ingest", "transcriber")
    }
    assert len(passwords) == 3
    assert child["ECHOBASE_DATA"] == str(tmp_path)


def inner_ports(found: Layout) -> list[int]:
    nats, store, *_ = (part.recipe for part in found.parts)
    assert isinstance(nats, NatsServer)
    assert isinstance(store, S3Server)
    return [nats.monitor_port, *store.inner_ports]


def test_no_part_is_given_a_port_that_another_is_set_to(tmp_path: Path):
    for first in free_ports(20):
        span = range(first, first + 40)
        env = environment(tmp_path, ECHOBASE_INNER_PORTS=f"{span[0]}-{span[-1]}")
        named = {f"ECHOBASE_{name}_PORT": port for name, port in zip(NAMES, span[::8], strict=True)}
        found = layout(env | {name: str(port) for name, port in named.items()}, move=True)
        inner = inner_ports(found)
        assert len(set(inner) - set(named.values())) == 10
        assert set(inner) <= set(span)


@pytest.mark.parametrize("bind", ["0.0.0.0", "::"])
def test_a_bind_beyond_loopback_without_a_key_is_refused_first(tmp_path: Path, bind: str):
    env = environment(tmp_path / "data", ECHOBASE_BIND=bind)
    (tmp_path / "data").mkdir()
    with pytest.raises(SettingError, match="set ECHOBASE_API_KEY, or bind to 127"):
        layout(env, move=False)
    assert not list((tmp_path / "data").iterdir()), "nothing was prepared for servers"
    layout(env | {"ECHOBASE_API_KEY": "k"}, move=False)


def test_a_taken_port_is_named_with_its_variable(tmp_path: Path):
    env = environment(tmp_path)
    port = env["ECHOBASE_INGEST_PORT"]
    with taken(int(port)), pytest.raises(SettingError, match=f"^ECHOBASE_INGEST_PORT={port} is"):
        layout(env, move=False)


def test_one_port_for_two_is_refused_or_moved_from(tmp_path: Path):
    env = environment(tmp_path)
    port = env["ECHOBASE_STREAM_PORT"]
    env["ECHOBASE_INGEST_PORT"] = port
    with pytest.raises(SettingError, match=f"^ECHOBASE_INGEST_PORT={port} is ECHOBASE_STREAM_PORT"):
        layout(env, move=False)
    child = env_of(layout(env, move=True), "ingest")
    assert child["ECHOBASE_STREAM_PORT"] == port != child["ECHOBASE_INGEST_PORT"]


def test_a_demo_moves_from_a_port_that_is_taken(tmp_path: Path):
    env = environment(tmp_path)
    with taken(int(env["ECHOBASE_STREAM_PORT"])):
        found = layout(env, move=True)
    child = env_of(found, "stream")
    assert child["ECHOBASE_STREAM_PORT"] != env["ECHOBASE_STREAM_PORT"]
    assert found.stream.endswith(child["ECHOBASE_STREAM_PORT"])
    assert child["ECHOBASE_INGEST_PORT"] == env["ECHOBASE_INGEST_PORT"]


def test_servers_elsewhere_are_used_instead_of_own_ones(tmp_path: Path):
    env = environment(
        tmp_path,
        ECHOBASE_NATS_URL="nats://nats.example:4222",
        ECHOBASE_STORE_URL="https://s3.example",
    )
    found = layout(env, move=False)
    assert names(found) == ["stream", "ingest", "transcriber"]
    assert env_of(found, "ingest")["ECHOBASE_NATS_URL"] == "nats://nats.example:4222"
    assert "ECHOBASE_STORE_SECRET_KEY" not in env_of(found, "ingest")


@pytest.mark.parametrize(
    ("chosen", "fallback", "model"),
    [("", "", "medium.en"), ("", "demo", "demo"), ("small.en", "demo", "small.en")],
)
def test_the_model_is_the_users_or_else_the_commands(
    tmp_path: Path, chosen: str, fallback: str, model: str
):
    found = layout(environment(tmp_path, WHISPER_MODEL_NAME=chosen), move=False, model=fallback)
    assert found.model == model
    assert env_of(found, "transcriber")["WHISPER_MODEL_NAME"] == model


def test_a_base_path_and_a_public_address_are_kept(tmp_path: Path):
    env = environment(
        tmp_path, ECHOBASE_BASE_PATH="/radio", ECHOBASE_PUBLIC_URL="https://radio.example"
    )
    found = layout(env, move=False)
    assert found.stream == "https://radio.example/radio"
    assert found.address("ingest").endswith(f":{env['ECHOBASE_INGEST_PORT']}/radio")
    assert found.address("transcriber").endswith(f":{env['ECHOBASE_TRANSCRIBER_PORT']}")


def test_a_large_log_is_put_aside_once(tmp_path: Path):
    log = log_path(tmp_path, "stream")
    log.parent.mkdir()
    log.write_bytes(b"short")
    put_aside(log)
    assert log.exists()
    log.write_bytes(b"x" * (10 * 1024**2 + 1))
    put_aside(log)
    assert [path.name for path in log.parent.iterdir()] == ["stream.log.1"]
