"""nchan, nginx's module for publishing to many: a fan-out in C, for comparison.

It is Debian's package `libnginx-mod-nchan`, installed when the benchmark runs as root.
"""

import asyncio
import os
import shutil
import subprocess
import tempfile
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from benchmarks.fanout_control import Events
from benchmarks.fanout_load import PATIENCE, Server, Usage
from deploy.local.ports import free_ports

_MODULE = Path("/usr/lib/nginx/modules/ngx_nchan_module.so")
_CONFIG = """
load_module {module};
daemon off;
worker_processes 1;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
{user}
events {{ worker_connections 8192; }}
http {{
  access_log off;
  client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
  server {{
    listen 127.0.0.1:{port} backlog=4096;
    location = /sub {{ nchan_subscriber eventsource; nchan_channel_id all;
      nchan_subscriber_first_message newest; nchan_eventsource_event segment; }}
    location = /pub {{ nchan_publisher; nchan_channel_id all; nchan_message_buffer_length 100; }}
  }}
}}
"""


@dataclass
class Nchan:
    """A running nginx with the module."""

    port: int
    path: str
    worker: int
    """Process id."""
    http: httpx.AsyncClient
    events: Events

    async def publish(self, count: int) -> None:
        """Post so many events one after another, without waiting in between."""
        for _, _, data in self.events.next(count):
            answer = await self.http.post("/pub", content=data)
            answer.raise_for_status()

    async def usage(self) -> Usage:
        """Of the worker process, as the kernel counts."""
        return _usage(Path("/proc") / str(self.worker))


@asynccontextmanager
async def nchan() -> AsyncGenerator[Server | None]:
    """It, or None where it is not and cannot be installed."""
    if not _there():
        yield None
        return
    [port] = free_ports(1)
    with tempfile.TemporaryDirectory() as folder:
        user = "user root;" if os.getuid() == 0 else ""
        config = Path(folder) / "nginx.conf"
        config.write_text(_CONFIG.format(module=_MODULE, folder=folder, port=port, user=user))
        nginx = shutil.which("nginx") or "/usr/sbin/nginx"
        pin = ["taskset", "-c", "0"] if shutil.which("taskset") else []
        process = await asyncio.create_subprocess_exec(*pin, nginx, "-c", str(config))
        try:
            async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as http:
                await _until_up(http)
                yield Nchan(port, "/sub", _child(process.pid), http, Events())
        finally:
            process.terminate()
            await process.wait()


def _usage(process: Path) -> Usage:
    # After the name, which may hold spaces; see proc(5).
    fields = (process / "stat").read_text().rpartition(")")[2].split()
    ticks = int(fields[11]) + int(fields[12])
    pages = int((process / "statm").read_text().split()[1])
    return Usage(ticks / os.sysconf("SC_CLK_TCK"), pages * os.sysconf("SC_PAGE_SIZE"))


def _there() -> bool:
    if not _MODULE.exists() and os.getuid() == 0 and shutil.which("apt-get"):
        install = ["apt-get", "install", "-qq", "-y", "--no-install-recommends"]
        for command in (["apt-get", "update", "-qq"], [*install, "libnginx-mod-nchan"]):
            subprocess.run(command, check=False, stdout=subprocess.DEVNULL)
    return _MODULE.exists()


async def _until_up(http: httpx.AsyncClient) -> None:
    async with asyncio.timeout(PATIENCE):
        while True:
            try:
                await http.get("/pub")
            except httpx.ConnectError:
                await asyncio.sleep(0.02)
            else:
                return


def _child(master: int) -> int:
    found = Path(f"/proc/{master}/task/{master}/children").read_text().split()
    return int(found[0])
