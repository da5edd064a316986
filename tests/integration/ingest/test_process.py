"""The process: how it starts and how it ends, with no server there."""

import asyncio
import json
import signal
import subprocess
from collections.abc import AsyncGenerator
from pathlib import Path

import httpx
import pytest

from shared.settings import NatsSettings, StoreSettings
from tests.support import audio_files
from tests.support.ingest import files
from tests.support.ingest_process import Service

NOWHERE = NatsSettings(nats_url="nats://127.0.0.1:9"), StoreSettings(store_url="http://127.0.0.1:9")


@pytest.fixture
async def service(tmp_path: Path) -> AsyncGenerator[Service, None]:
    """The service, started."""
    service = Service(tmp_path, *NOWHERE)
    await service.start()
    yield service
    await service.end()


async def test_it_starts_accepts_and_ends_with_no_server_there(
    tmp_path: Path, service: Service
) -> None:
    async with httpx.AsyncClient(base_url=service.url) as http:
        for probe in ("live", "started", "ready"):
            assert (await http.get(f"/health/{probe}")).status_code == 200
        response = await http.post("/v1/recordings", content=audio_files.wav())
        assert response.status_code == 202
    assert await service.end(signal.SIGTERM) == 0
    assert sum(name.endswith("entry.json") for name in files(tmp_path / "data")) == 1
    lines = [json.loads(line) for line in service.log.read_text().splitlines()]
    assert [line["message"] for line in lines if line["message"] == "ready"] == ["ready"]
    assert {line["service"] for line in lines} == {"ingest"}


async def test_a_spool_in_use_ends_the_start_with_one_line(
    tmp_path: Path, service: Service
) -> None:
    second = Service(tmp_path, *NOWHERE)
    ended = await asyncio.to_thread(_run, second, {})
    assert ended.returncode == 2
    assert ended.stderr.count("\n") == 1
    assert "in use" in ended.stderr
    assert "ECHOBASE_DATA" in ended.stderr


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ECHOBASE_SPOOL_KEEP", "soon"),
        ("ECHOBASE_MAX_UPLOAD_BYTES", "-1"),
        ("ECHOBASE_BIND", "x"),
        ("CALL_WATCH_PATH", "/dev/null"),
        ("CALL_WATCH_TIMEZONE", "Mars/Olympus"),
    ],
)
async def test_a_bad_setting_ends_the_start_with_one_line(
    tmp_path: Path, name: str, value: str
) -> None:
    ended = await asyncio.to_thread(_run, Service(tmp_path, *NOWHERE), {name: value})
    assert ended.returncode == 2
    assert name in ended.stderr.splitlines()[-1]
    assert value in ended.stderr.splitlines()[-1]


def _run(service: Service, env: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        service.command, env={**service.env, **env}, capture_output=True, text=True, timeout=60
    )
