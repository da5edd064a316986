"""Ingest on real servers, a transcriber whose model a test holds up, and OpenAI's own client."""

import threading
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from openai import AsyncOpenAI

from services.transcriber.chunk import Chunk, Spoken
from services.transcriber.model_folder import Traits
from services.transcriber.scripted_engine import ScriptedEngine, say_start
from shared.errors import CannotSucceed
from shared.nats_bus import NatsBus
from shared.s3_store import S3Store
from shared.settings import StoreSettings
from shared.topology import topology
from tests.support.ingest import Ingest, serving
from tests.support.reached import reached
from tests.support.scripted import ONE
from tests.support.servers import NatsFixture
from tests.support.transcribing import SAMPLES, Site, eventually

CALL = SAMPLES / "hospital.ogg"
"""Has two chunks, each of which the scripted engine makes two segments of."""
TRAITS = Traits(longest_chunk=8, join_pauses=False, shortest_pause=0.3, padding=0.15)
TEXT_PARTS = 4
PATIENCE = 60.0
"""Seconds for which the model is held up at most: a test that fails leaves nothing behind."""


@dataclass
class Gate:
    """Holds the model up before chunks, and makes it fail."""

    open: threading.Event = field(default_factory=threading.Event)
    """Until it is set, no chunk is decoded that begins at `hold_from` or later."""
    hold_from: float = 1.0
    """Seconds: the first chunk goes through, the second waits."""
    error: CannotSucceed | None = None
    """What becomes of the chunks that were held up."""

    def __call__(self, chunk: Chunk) -> list[Spoken]:
        """What the engine says of a chunk."""
        if chunk.start >= self.hold_from:
            assert self.open.wait(PATIENCE)
            if self.error is not None:
                raise self.error
        return say_start(chunk)


@dataclass
class Speech:
    """Everything that a test of OpenAI's routes needs."""

    ingest: Ingest
    site: Site
    bus: NatsBus
    store: S3Store
    gate: Gate
    client: AsyncOpenAI
    """Does not try again by itself."""


@asynccontextmanager
async def speech(
    folder: Path,
    nats: NatsFixture,
    store_settings: StoreSettings,
    *,
    longest_wait: float = 60.0,
) -> AsyncGenerator[Speech]:
    """Ingest and a worker, until the end of the context."""
    gate = Gate()
    spool, work = folder / "spool", folder / "work"
    work.mkdir()
    async with reached(nats.settings, store_settings) as (bus, store):
        await store.ensure()
        async with (
            serving(spool, store, bus, longest_wait=longest_wait) as ingest,
            AsyncOpenAI(base_url=f"{ingest.url}/v1", api_key="any", max_retries=0) as client,
        ):
            await eventually(lambda: _ensured(bus))
            site = Site(bus, store, work)
            engine = ScriptedEngine(traits=TRAITS, script=gate)
            try:
                # In one call with the second chunk the first would be held up, too.
                async with site.worker(engine, workers=1, limits=ONE):
                    yield Speech(ingest, site, bus, store, gate, client)
                    gate.open.set()
            finally:
                gate.open.set()


async def _ensured(bus: NatsBus) -> bool:
    await bus.ensure(topology())
    return True
