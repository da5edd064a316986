"""The stream service, in the test's own event loop or as a process, and a reader of its events."""

import asyncio
import sys
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import cast

import httpx
import httpx_sse
from httpx_sse import ServerSentEvent

from deploy.local.ports import free_ports
from deploy.local.process import Process
from services.stream.__main__ import main
from shared.lifecycle import Lifecycle
from shared.settings import Settings, variables

DEADLINE = 60.0
"""Seconds after which a test gives up waiting."""


def environment_of(*settings: Settings, **more: str) -> dict[str, str]:
    """Settings as environment variables; `more` by the variables' names."""
    found = {
        variable.names[0]: str(getattr(each, variable.field))
        for each in settings
        for variable in variables(type(each))
    }
    return found | more


@dataclass(frozen=True)
class Running:
    """The service in the test's loop."""

    url: str
    life: Lifecycle
    task: asyncio.Task[None]
    http: httpx.AsyncClient


@asynccontextmanager
async def running(env: Mapping[str, str]) -> AsyncGenerator[Running]:
    """The service, from when it answers until the context ends."""
    [port] = free_ports(1)
    # A thread whose task was told to end may still write a file: a process waits for its threads.
    with TemporaryDirectory(ignore_cleanup_errors=True) as data:
        # What one test's service knows of keys must not be known to the next.
        own = {"ECHOBASE_DATA": data, **env, "ECHOBASE_STREAM_PORT": str(port)}
        async with _running(Lifecycle("stream", own), port) as started:
            yield started


@asynccontextmanager
async def _running(life: Lifecycle, port: int) -> AsyncGenerator[Running]:
    task = asyncio.create_task(main(life))
    url = f"http://127.0.0.1:{port}{life.site.base_path}"
    async with httpx.AsyncClient(base_url=url, timeout=DEADLINE) as http:
        await until_live(http, task)
        try:
            yield Running(url, life, task, http)
        finally:
            life.stopping.set()
            await asyncio.wait_for(task, DEADLINE)


async def until_live(http: httpx.AsyncClient, task: asyncio.Task[None]) -> None:
    """Wait until the service answers, or has ended with an error."""
    async with asyncio.timeout(DEADLINE):
        while True:
            if task.done():
                task.result()
            try:
                await http.get("/health/live")
            except httpx.ConnectError:
                await asyncio.sleep(0.01)
            else:
                return


async def until(holds: Callable[[], Awaitable[bool]]) -> None:
    """Wait until something holds, within the deadline."""
    async with asyncio.timeout(DEADLINE):
        while True:
            if await holds():
                return
            await asyncio.sleep(0.01)


async def until_ready(stream: Running) -> None:
    """Wait until the service follows the events."""

    async def holds() -> bool:
        ready = (await stream.http.get("/health/ready")).json()
        return ready["checks"]["bus"]["status"] == "ok"

    await until(holds)


async def until_known(stream: Running, *recordings: str) -> None:
    """Wait until the history has these recordings, and is live."""

    async def holds() -> bool:
        ready = (await stream.http.get("/health/ready")).json()
        if ready["checks"]["history"]["status"] != "ok":
            return False
        found = (await stream.http.get("/v1/recordings?limit=500")).json()["recordings"]
        return {each["id"] for each in found} >= set(recordings)

    await until(holds)


async def until_readers(stream: Running, count: int) -> None:
    """Wait until the service has so many open event streams."""

    async def holds() -> bool:
        return (await stream.http.get("/v1/status")).json()["readers"] == count

    await until(holds)


def process(env: Mapping[str, str], log: Path) -> Process:
    """The service as a process that is not yet started."""
    own = {"ECHOBASE_DATA": str(log.parent), **env}
    return Process([sys.executable, "-m", "services.stream"], log=log, env=own)


class Reader:
    """Reads one event stream."""

    def __init__(self, response: httpx.Response) -> None:
        self.response = response
        self._events = _dispatched(response)

    async def next(self) -> ServerSentEvent:
        """The next event, within the deadline."""
        async with asyncio.timeout(DEADLINE):
            return await anext(self._events)

    async def take(self, count: int) -> list[ServerSentEvent]:
        """So many events."""
        return [await self.next() for _ in range(count)]

    async def rest(self) -> list[ServerSentEvent]:
        """Every event until the stream ends."""
        async with asyncio.timeout(DEADLINE):
            return [event async for event in self._events]


async def _dispatched(response: httpx.Response) -> AsyncGenerator[ServerSentEvent]:
    """What a browser would dispatch; the library gives an event for each comment as well."""
    async for event in httpx_sse.EventSource(response).aiter_sse():
        if event.data or event.retry is not None:
            yield event


@asynccontextmanager
async def reading(
    http: httpx.AsyncClient,
    query: str = "",
    after: str | None = None,
    headers: Mapping[str, str] | None = None,
) -> AsyncGenerator[Reader]:
    """An open event stream; `after` goes as `Last-Event-ID`."""
    sent = dict(headers or {}) | ({"Last-Event-ID": after} if after else {})
    async with http.stream("GET", f"/v1/events?{query}", headers=sent) as response:
        if response.is_error:
            await response.aread()
        yield Reader(response)


def fields(event: ServerSentEvent) -> dict[str, object]:
    """The JSON object that an event holds."""
    return cast(dict[str, object], event.json())
