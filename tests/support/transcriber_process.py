"""The transcriber as a process, on a test's servers."""

import json
import sys
from collections.abc import Mapping
from pathlib import Path

from deploy.local.ports import free_ports
from deploy.local.process import Process
from shared.settings import NatsSettings, Settings, StoreSettings, variables

GRACE = 10.0


def environment(*concerns: Settings) -> dict[str, str]:
    """The variables that give a process these settings."""
    return {
        variable.names[0]: str(value)
        for concern in concerns
        for variable in variables(type(concern))
        if (value := getattr(concern, variable.field)) not in ("", None)
    }


def transcriber(
    folder: Path,
    nats: NatsSettings,
    store: StoreSettings,
    *,
    name: str = "transcriber",
    extra: Mapping[str, str] | None = None,
) -> Process:
    """One that is not started yet; it runs the bundled model."""
    env = {
        "PATH": "/usr/bin:/bin",
        "HOME": str(folder),
        "TMPDIR": str(folder),
        "PYTHONPATH": str(Path(__file__).parents[2]),
        "WHISPER_MODEL_NAME": "demo",
        "WHISPER_DEVICE": "cpu",
        "ECHOBASE_GRACE": str(GRACE),
        "ECHOBASE_THREADS": "1",
        "ECHOBASE_TRANSCRIBER_PORT": str(free_ports(1)[0]),
        **environment(nats, store),
        **(extra or {}),
    }
    command = [sys.executable, "-m", "services.transcriber"]
    return Process(command, log=folder / f"{name}.log", env=env, cwd=folder)


def log_records(process: Process) -> list[Mapping[str, object]]:
    """The records of its log so far."""
    lines = process.log.read_text().splitlines()
    return [json.loads(line) for line in lines if line.startswith("{") and line.endswith("}")]


def messages(process: Process) -> list[str]:
    """The messages of its log so far."""
    return [str(record["message"]) for record in log_records(process)]
