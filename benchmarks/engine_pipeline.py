"""The whole path from a job's message to its stored transcript: real servers, one transcriber."""

import asyncio
import os
import sys
import time
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from deploy.local.ports import free_ports
from deploy.local.process import Process
from deploy.local.servers import LocalServer, new_nats, new_s3
from shared import object_keys
from shared.bus import Bus
from shared.envelope import event_message, job_message
from shared.identity import recording_id
from shared.messages import Failed, Job, Options, Queued, Transcript, decode, decode_event
from shared.nats_bus import connect
from shared.object_store import ObjectStore
from shared.s3_store import S3Store
from shared.settings import Settings, variables
from shared.subjects import Lane
from shared.topology import EVENTS, topology

ROOT = Path(__file__).parent.parent
PATIENCE = 3600.0
_OVER = ["echobase.events.*.*.*.*.completed", "echobase.events.*.*.*.*.failed"]


class PipelineFailed(Exception):
    """A recording came to nothing."""


@dataclass(frozen=True)
class Run:
    """Recordings, and how long they took."""

    began: float
    """The moment of the first job's message, on the monotonic clock that processes share."""
    seconds: float
    """From there to the last stored transcript."""
    resident: int
    """The transcriber's memory in that moment, in bytes."""
    texts: Sequence[str]


@dataclass(frozen=True)
class Pipeline:
    """A transcriber with its servers."""

    bus: Bus
    store: ObjectStore
    process: Process
    """The transcriber's."""
    began: float
    """When it was started, by `time.time`."""

    @property
    def resident(self) -> int:
        """The transcriber's resident memory, in bytes (Linux)."""
        pages = Path(f"/proc/{self.process.pid}/statm").read_text().split()[1]
        return int(pages) * os.sysconf("SC_PAGE_SIZE")

    async def transcribe(self, paths: Sequence[Path], run: str, lane: Lane = "backfill") -> Run:
        """Hand in all of them, and wait for all.

        `run` goes into the recordings' names: each needs its own.
        """
        jobs = [_job(path, number, run, lane) for number, path in enumerate(paths)]
        for job, path in zip(jobs, paths, strict=True):
            await _store(self.store, job, path)
        start = (await self.bus.state(EVENTS.name)).last + 1
        over = asyncio.create_task(self._over(start, len(jobs)))
        began = time.monotonic()
        for job in jobs:
            await _publish(self.bus, job)
        async with asyncio.timeout(PATIENCE):
            await over
        seconds, resident = time.monotonic() - began, self.resident
        keys = [object_keys.transcript(job.recording, job.version) for job in jobs]
        texts = [decode(await self.store.get(key), Transcript).text for key in keys]
        return Run(began, seconds, resident, texts)

    async def _over(self, start: int, count: int) -> None:
        async for batch in self.bus.follow(EVENTS.name, _OVER, start):
            for message in batch:
                event = decode_event(message.data)
                if isinstance(event, Failed):
                    raise PipelineFailed(event.reason)
                count -= 1
            if count <= 0:
                return


async def _hand_in(bus: Bus, store: ObjectStore, job: Job, path: Path) -> None:
    await _store(store, job, path)
    await _publish(bus, job)


async def _store(store: ObjectStore, job: Job, path: Path) -> None:
    await store.put_file(job.audio, path, content_type="audio/wav")


async def _publish(bus: Bus, job: Job) -> None:
    await bus.publish(event_message(_queued(job)))
    await bus.publish(job_message(job))


def _job(path: Path, number: int, run: str, lane: Lane) -> Job:
    recording = recording_id("bench", run, None, f"{number:064x}")
    return Job(
        recording=recording,
        version=1,
        source="bench",
        channel=run,
        lane=lane,
        audio=object_keys.audio(recording, path.suffix[1:]),
        duration=1.0,
        options=Options(language="en"),
    )


def _queued(job: Job) -> Queued:
    return Queued(
        recording=job.recording,
        version=job.version,
        source=job.source,
        channel=job.channel,
        time=datetime.now(UTC),
        lane=job.lane,
        duration=job.duration,
        options=job.options,
    )


@asynccontextmanager
async def pipeline(
    folder: Path,
    model: Path,
    settings: Mapping[str, str],
    module: str = "services.transcriber",
    waiting: Path | None = None,
) -> AsyncGenerator[Pipeline]:
    """A transcriber that is ready, on servers of its own; `settings` are its environment.

    `waiting`: a file whose job is there before the process is.
    """
    nats, s3 = new_nats(folder), new_s3(folder)
    servers = [LocalServer(nats, folder / "nats.log"), LocalServer(s3, folder / "s3.log")]
    for server in servers:
        await asyncio.to_thread(server.start)
    bus, store = await connect(nats.settings, "bench"), S3Store(s3.settings)
    env = _environment(nats.settings, s3.settings) | {"WHISPER_MODEL_NAME": str(model), **settings}
    port = env["ECHOBASE_TRANSCRIBER_PORT"] = str(free_ports(1)[0])
    command = [sys.executable, "-m", module]
    process = Process(command, log=folder / "transcriber.log", env=dict(os.environ) | env, cwd=ROOT)
    try:
        await bus.ensure(topology())
        await store.ensure()
        if waiting is not None:
            await _hand_in(bus, store, _job(waiting, 0, "waiting", "live"), waiting)
        began = time.time()
        process.start()
        await _ready(int(port), process)
        yield Pipeline(bus, store, process, began)
    finally:
        process.terminate()
        await asyncio.to_thread(process.wait, 30.0)
        process.kill()
        await store.close()
        await bus.close()
        for server in servers:
            server.kill()


def _environment(*concerns: Settings) -> dict[str, str]:
    return {
        variable.names[0]: str(value)
        for concern in concerns
        for variable in variables(type(concern))
        if (value := getattr(concern, variable.field)) not in ("", None)
    }


async def _ready(port: int, process: Process) -> None:
    async with asyncio.timeout(120.0):
        while True:
            if not process.alive:
                raise PipelineFailed(process.log.read_text()[-2000:])
            try:
                reader, writer = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                await asyncio.sleep(0.05)
                continue
            writer.write(
                b"GET /health/started HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
            )
            answer = await reader.read()
            writer.close()
            if b" 200 " in answer[:20]:
                return
            await asyncio.sleep(0.05)
