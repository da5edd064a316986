"""What a storm rages over: real NATS, a real S3 store, and the stream service as a process."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from deploy.local.ports import free_ports
from deploy.local.process import Process
from shared.nats_bus import NatsBus, connect
from shared.s3_store import S3Store
from shared.settings import NatsSettings, StoreSettings
from shared.topology import EVENTS, topology
from tests.support.nats_buses import managed
from tests.support.stream import environment_of, process, until


@dataclass(frozen=True)
class Servers:
    """How to reach NATS and the store."""

    nats: NatsSettings
    store: StoreSettings


@dataclass(frozen=True)
class Site:
    """All of it, at work."""

    servers: Servers
    bus: NatsBus
    store: S3Store
    service: Process
    port: int
    """Of the stream service."""

    @property
    def pid(self) -> int:
        """The stream service's process."""
        assert self.service.pid is not None
        return self.service.pid

    async def make_events_anew(self) -> None:
        """Delete EVENTS and what it holds, as an operator might, and create it again."""
        async with managed(self.servers.nats) as manager:
            await manager.delete_stream(EVENTS.name)
        await self.bus.ensure(topology())

    async def stop(self, patience: float) -> bool:
        """Tell the service to end; whether it did so in so many seconds."""
        self.service.terminate()
        return await asyncio.to_thread(self.service.wait, patience)

    def complaints(self) -> list[str]:
        """What the service logged of errors that nobody foresaw."""
        lines = self.service.log.read_text(errors="replace").splitlines()
        return [line[:300] for line in lines if "Traceback" in line or '"exception":' in line]


@asynccontextmanager
async def standing(servers: Servers, folder: Path, **env: str) -> AsyncGenerator[Site]:
    """The service with so much of its environment, from when it is ready until the context ends."""
    [port] = free_ports(1)
    own = environment_of(servers.nats, servers.store, ECHOBASE_STREAM_PORT=str(port), **env)
    service = process(own, folder / "stream.log")
    bus, store = await connect(servers.nats, "storm"), S3Store(servers.store)
    try:
        await bus.ensure(topology())
        await store.ensure()
        service.start()
        await _until_ready(port)
        yield Site(servers, bus, store, service, port)
    finally:
        service.kill()
        await store.close()
        await bus.close()


async def _until_ready(port: int) -> None:
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as http:

        async def ready() -> bool:
            try:
                found = (await http.get("/health/ready")).json()
            except httpx.TransportError:
                return False
            return {each["status"] for each in found["checks"].values()} == {"ok"}

        await until(ready)
