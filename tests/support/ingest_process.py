"""The ingest service as a process of its own."""

import asyncio
import os
import signal
import sys
from asyncio.subprocess import Process
from pathlib import Path

import httpx
import msgspec

from deploy.local.ports import free_ports
from shared.settings import NatsSettings, StoreSettings

ROOT = Path(__file__).parents[2]


class Service:
    """The service, which logs to `ingest.log`."""

    def __init__(self, folder: Path, nats: NatsSettings, store: StoreSettings) -> None:
        port = free_ports(1)[0]
        self.url = f"http://127.0.0.1:{port}"
        self.log = folder / "ingest.log"
        self._folder = folder
        self.env = {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(ROOT),
            "ECHOBASE_DATA": str(folder / "data"),
            "ECHOBASE_INGEST_PORT": str(port),
            "ECHOBASE_GRACE": "10",
            **{f"ECHOBASE_{k.upper()}": str(v) for k, v in _given(nats).items()},
            **{f"ECHOBASE_{k.upper()}": str(v) for k, v in _given(store).items()},
        }
        self.command = (sys.executable, "-m", "services.ingest")
        self._process: Process | None = None

    async def start(self) -> None:
        """Start it, and wait until it takes uploads."""
        with self.log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *self.command,
                env=self.env,
                stderr=log,
                cwd=self._folder,
            )
        async with httpx.AsyncClient() as http, asyncio.timeout(30.0):
            while True:
                try:
                    if (await http.get(f"{self.url}/health/ready")).status_code == 200:
                        return
                except httpx.TransportError:
                    assert self._process.returncode is None, self.log.read_text()
                await asyncio.sleep(0.02)

    async def end(self, how: signal.Signals = signal.SIGKILL) -> int:
        """End it; returns its exit code."""
        if self._process is None:
            return 0
        if self._process.returncode is None:
            self._process.send_signal(how)
        return await self._process.wait()


def _given(settings: NatsSettings | StoreSettings) -> dict[str, object]:
    return {k: v for k, v in msgspec.structs.asdict(settings).items() if v not in ("", None)}
