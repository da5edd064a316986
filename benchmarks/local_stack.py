"""The local stack as processes, on free ports and in a folder of its own, timed from its start."""

import asyncio
import os
import signal
import sys
import time
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from deploy.local.ports import free_ports
from shared.client import Client, Gap
from shared.messages import Completed, Event, Failed, Segment
from shared.stack import Addresses, Stack, read_stack

PATIENCE = 120.0
"""Seconds after which whatever is waited for counts as lost."""
_POLL = 0.005
_VARIABLES = ("STREAM", "INGEST", "TRANSCRIBER", "NATS", "STORE")


class BenchmarkFailed(Exception):
    """Something that is measured did not happen."""


@dataclass
class Clock:
    """Named moments, in seconds since it was made."""

    began: float = field(default_factory=time.perf_counter)
    moments: dict[str, float] = field(default_factory=dict[str, float])

    def mark(self, name: str) -> None:
        """Note that something has happened, if it has not before."""
        self.moments.setdefault(name, time.perf_counter() - self.began)


@dataclass(frozen=True)
class Run:
    """One recording on its way through the pipeline."""

    text: str
    seconds: float
    """From before the upload to `completed`, as its reader got it."""
    processing: float
    """Seconds of it in the transcriber."""


@dataclass(frozen=True)
class RunningStack:
    """A stack that runs."""

    client: Client
    clock: Clock


@asynccontextmanager
async def running(data: Path, settings: Mapping[str, str]) -> AsyncGenerator[RunningStack]:
    """The stack of a data folder, from `echobase up` until the context ends.

    Yields as soon as ingest and stream answer; when the others do is noted on the clock.
    """
    ports = zip(_VARIABLES, free_ports(len(_VARIABLES)), strict=True)
    env = dict(os.environ) | {f"ECHOBASE_{name}_PORT": str(port) for name, port in ports}
    clock = Clock()
    process = await asyncio.create_subprocess_exec(
        str(Path(sys.executable).with_name("echobase")),
        "up",
        env={**env, **settings, "ECHOBASE_DATA": str(data)},
        stdout=asyncio.subprocess.DEVNULL,
    )
    watchers: list[asyncio.Task[None]] = []
    try:
        async with asyncio.timeout(PATIENCE):
            stack = await _description(data, process)
            watchers = [
                asyncio.create_task(_watch(name, url, clock)) for name, url in stack.health.items()
            ]
            await asyncio.gather(
                *(w for w, n in zip(watchers, stack.health, strict=True) if n != "transcriber")
            )
        async with Client(Addresses(stream=stack.stream, ingest=stack.ingest)) as client:
            yield RunningStack(client, clock)
    finally:
        for watcher in watchers:
            watcher.cancel()
        if process.returncode is None:
            process.send_signal(signal.SIGTERM)
        await process.wait()


async def transcribe(stack: RunningStack, path: Path, channel: str, clock: Clock) -> Run:
    """Upload a file and follow it to its end. Raises BenchmarkFailed."""
    began = time.perf_counter()
    accepted = await stack.client.upload(path, {"source": "benchmark", "channel": channel})
    clock.mark("uploaded")
    texts: list[str] = []
    async with asyncio.timeout(PATIENCE):
        async for event in stack.client.follow({"recording": [accepted.id]}):
            ended = note(event, texts, clock)
            if ended is not None:
                return Run(" ".join(texts), time.perf_counter() - began, ended.processing)
    raise BenchmarkFailed("the events ended before the recording did")


def note(event: Event | Gap, texts: list[str], clock: Clock) -> Completed | None:
    """Gather what an event says; `completed` is returned. Raises BenchmarkFailed."""
    match event:
        case Gap(reason=reason) | Failed(reason=reason):
            raise BenchmarkFailed(reason)
        case Segment(text=text):
            clock.mark("first word")
            texts.append(text)
        case Completed():
            clock.mark("completed")
            return event
        case _:
            clock.mark(event.type)
    return None


async def _description(data: Path, process: asyncio.subprocess.Process) -> Stack:
    while True:
        # A description that an earlier run left behind has another supervisor.
        if (stack := read_stack(data)) and stack.supervisor == process.pid:
            return stack
        if process.returncode is not None:
            raise BenchmarkFailed(f"`echobase up` ended with {process.returncode}")
        await asyncio.sleep(_POLL)


async def _watch(name: str, url: str, clock: Clock) -> None:
    async with httpx.AsyncClient(trust_env=False) as http:
        while True:
            try:
                if (await http.get(f"{url}/health/ready")).is_success:
                    clock.mark(f"{name} ready")
                    return
            except httpx.TransportError:
                pass
            await asyncio.sleep(_POLL)
