"""What the transcriber's tests share: jobs in the queue, a worker at hand, what came of it."""

import asyncio
import contextlib
import json
import time
import wave
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from services.transcriber.app import consumers
from services.transcriber.attempt import Workshop
from services.transcriber.audio import decode as decode_audio
from services.transcriber.batcher import Batcher
from services.transcriber.chunks import RATE, Span
from services.transcriber.engine import Engine
from services.transcriber.engines import Engines
from services.transcriber.patience import Patience
from services.transcriber.schedule import Limits
from services.transcriber.scripted_engine import ScriptedEngine
from services.transcriber.suspects import Suspects
from services.transcriber.turns import Turns
from services.transcriber.worker import Worker
from shared import object_keys
from shared.bus import Bus
from shared.channels import Lookup, nothing_known
from shared.envelope import event_message, job_message
from shared.errors import ModelUnavailable, Unavailable
from shared.messages import Job, Options, Queued, Transcript, decode
from shared.object_store import ObjectStore
from shared.retry import RetryPolicy
from shared.settings import TranscriberSettings
from shared.subjects import Lane
from shared.topology import DEAD
from shared.version_state import VersionState, read_version

SAMPLES = Path(__file__).parents[2] / "deploy" / "local" / "samples"
T = TypeVar("T")
WORKERS = 2
LIMITS = Limits(most=4, wait=0.02)
IN_FLIGHT = 12
POLICY = RetryPolicy(attempts=3, first=0.01, longest=0.02)


def sample_texts() -> Mapping[str, str]:
    """The text of each bundled sample, by its file's name."""
    return {
        item["file"]: item["text"] for item in json.loads((SAMPLES / "samples.json").read_text())
    }


def sample(name: str) -> bytes:
    """A bundled sample."""
    return (SAMPLES / name).read_bytes()


def excerpt(name: str, seconds: float, folder: Path) -> bytes:
    """The beginning of a bundled sample."""
    audio = decode_audio(SAMPLES / name, folder / "pcm")
    samples = audio.read(Span(0, min(audio.total, round(seconds * RATE))))
    return write_wav(folder / "excerpt.wav", samples).read_bytes()


def write_wav(path: Path, samples: npt.NDArray[np.float32]) -> Path:
    """A 16 kHz mono file of samples between -1 and 1."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(16_000)
        file.writeframes((samples * 32767).astype(np.int16).tobytes())
    return path


def make_job(
    number: int = 1, *, lane: Lane = "live", options: Options | None = None, version: int = 1
) -> Job:
    """A job for a recording that is nobody else's."""
    recording = f"{number:032x}"
    return Job(
        recording=recording,
        version=version,
        source="county",
        channel="fire / west",
        lane=lane,
        audio=object_keys.audio(recording, "ogg"),
        duration=5.0,
        options=options or Options(),
        metadata={"unit": 7},
        correlation_id="c-1",
    )


class Clock:
    """Time that a test may move forward."""

    def __init__(self) -> None:
        self.skew = 0.0
        """Seconds."""

    def __call__(self) -> float:
        return time.monotonic() + self.skew


@dataclass
class Site:
    """A bus and a store, and workers on them."""

    bus: Bus
    store: ObjectStore
    folder: Path
    settings: TranscriberSettings = field(default_factory=TranscriberSettings)
    ack_wait: float = 30.0

    async def submit(self, job: Job, audio: bytes | None) -> Job:
        """Do what ingest does; no audio, no object."""
        if audio is not None:
            await self.store.put(job.audio, audio, content_type="audio/ogg")
        queued = Queued(
            recording=job.recording,
            version=job.version,
            source=job.source,
            channel=job.channel,
            time=datetime.now(UTC),
            lane=job.lane,
            duration=job.duration,
            options=job.options,
        )
        await self.bus.publish(event_message(queued))
        await self.bus.publish(job_message(job))
        return job

    def worker(
        self,
        engine: Engine | None = None,
        *,
        bus: Bus | None = None,
        store: ObjectStore | None = None,
        name: str = "w1",
        load: Callable[[str], Engine] | None = None,
        chunk_allowance: float = 20.0,
        channels: Lookup = nothing_known,
        in_flight: int = IN_FLIGHT,
        limits: Limits = LIMITS,
        workers: int = WORKERS,
        idle: Callable[[], None] = lambda: None,
    ) -> "Hand":
        """A worker that does not run yet."""

        def nothing_else(model: str) -> Engine:
            raise ModelUnavailable(f"there is no model named {model!r}")

        stopping = asyncio.Event()
        turns = Turns(workers)
        shop = Workshop(
            bus=bus or self.bus,
            store=store or self.store,
            engines=Engines(engine or ScriptedEngine(), load or nothing_else),
            batcher=Batcher(workers, limits, turns, stopping),
            turns=turns,
            suspects=Suspects(),
            settings=self.settings,
            patience=Patience(stopping, allowance=0.5),
            worker=name,
            folder=self.folder,
            chunk_allowance=chunk_allowance,
            channels=channels,
        )
        worker = Worker(shop, consumers(self.ack_wait), POLICY, stopping, in_flight, idle)
        return Hand(worker, stopping)

    async def version(self, job: Job) -> VersionState:
        """The job's version as the stream holds it."""
        return await read_version(self.bus, job.source, job.channel, job.recording, job.version)

    async def finished(self, job: Job) -> VersionState:
        """The job's version, once it is completed or has failed."""

        async def done() -> VersionState | None:
            state = await self.version(job)
            return state if state.finished else None

        return await eventually(done)

    async def transcript(self, job: Job) -> Transcript:
        """The stored transcript."""
        key = object_keys.transcript(job.recording, job.version)
        return decode(await self.store.get(key), Transcript)

    async def pending(self) -> int:
        """Jobs that are not acknowledged."""
        return sum([await self.bus.pending(c) for c in consumers(self.ack_wait)])

    async def pending_becomes(self, jobs: int) -> None:
        """Fails unless so many come to be pending: nats-server counts them a moment later."""

        async def counted() -> bool | None:
            return True if await self.pending() == jobs else None

        await eventually(counted)

    async def dead(self) -> list[Mapping[str, str]]:
        """The headers of each dead letter."""
        found: list[Mapping[str, str]] = []
        async for batch in self.bus.read(DEAD.name, ["echobase.dead.>"]):
            found += [message.headers for message in batch]
        return found


@dataclass
class Hand:
    """A worker and the order to stop it."""

    worker: Worker
    stopping: asyncio.Event
    task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> "Hand":
        self.task = asyncio.create_task(self.worker.run())
        return self

    async def __aexit__(self, *_: object) -> None:
        self.stopping.set()
        assert self.task is not None
        if not self.task.cancelled():
            await self.task

    async def kill(self) -> None:
        """End it as a crash would: nothing more is said to anyone."""
        assert self.task is not None
        self.task.cancel()
        await asyncio.wait({self.task})


async def eventually(probe: Callable[[], Awaitable[T | None]], timeout: float = 60.0) -> T:
    """What the probe gives, once it gives something; while a server is away it gives nothing."""
    end = time.monotonic() + timeout
    while time.monotonic() < end:
        with contextlib.suppress(Unavailable):
            if (found := await probe()) is not None:
                return found
        await asyncio.sleep(0.01)
    raise AssertionError(f"nothing came within {timeout} s")
