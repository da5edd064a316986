"""A site on real servers, with its services in this process and its commands as processes."""

import asyncio
import sys
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from services.transcriber.scripted_engine import ScriptedEngine
from shared.nats_bus import connect
from shared.s3_store import S3Store
from shared.settings import NatsSettings, StoreSettings
from shared.topology import topology
from tests.support.stream import environment_of
from tests.support.transcribing import Site

ECHOBASE = str(Path(sys.executable).with_name("echobase"))


@dataclass
class Scene:
    """A site whose commands can be run."""

    site: Site
    env: Mapping[str, str]
    engine: ScriptedEngine = field(default_factory=ScriptedEngine)

    async def echobase(self, *arguments: str, **more: str) -> tuple[int, str, str]:
        """Run a command; its exit code, what it printed and what it complained of."""
        process = await asyncio.create_subprocess_exec(
            ECHOBASE,
            *arguments,
            env={**self.env, **more},
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            cwd=self.site.folder,
        )
        out, err = await process.communicate()
        return process.returncode or 0, out.decode(), err.decode()

    async def pending_none(self) -> bool | None:
        return True if await self.site.pending() == 0 else None


@asynccontextmanager
async def scenery(
    nats: NatsSettings, store_settings: StoreSettings, folder: Path
) -> AsyncGenerator[Scene]:
    """A site with fresh streams and a fresh bucket."""
    bus = await connect(nats, "test")
    store = S3Store(store_settings)
    await bus.ensure(topology())
    await store.ensure()
    env = environment_of(nats, store_settings, PATH="/usr/bin:/bin")
    yield Scene(Site(bus, store, folder), env)
    await store.close()
    await bus.close()
