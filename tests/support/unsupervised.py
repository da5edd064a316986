"""Services and servers as processes that nobody starts again: what goes on goes on by itself."""

import asyncio
import re
import socket
from collections.abc import AsyncGenerator, Callable, Generator, Mapping, Sequence
from contextlib import ExitStack, aclosing, asynccontextmanager, contextmanager
from datetime import UTC, datetime
from pathlib import Path

from shared.client import Accepted, Client, Gap
from shared.messages import Event
from shared.outcome import Outcome, follow_to_end
from shared.stack import Addresses
from tests.chaos.stack import SERVERS, Stack
from tests.chaos.waiting import until
from tests.support.stack import PATIENCE
from tests.support.transcriber_process import log_records

SERVICES = ("ingest", "stream", "transcriber-a")
_ADDRESS = re.compile("0x[0-9a-f]+")
_SEVERE = ("warning", "error", "critical")


@asynccontextmanager
async def unsupervised(
    folder: Path, servers: Sequence[str] = SERVERS, services: Sequence[str] = SERVICES
) -> AsyncGenerator[Stack]:
    """A stack of which these run; killed at the end."""
    stack = Stack(folder)
    try:
        await stack.start(*servers)
        await stack.start(*services)
        yield stack
    finally:
        stack.end()


@contextmanager
def taken(stack: Stack, *servers: str) -> Generator[None]:
    """Nobody else gets the ports of these servers, which refuse connections meanwhile."""
    ports = {
        "nats-server": (stack.nats.port, stack.nats.monitor_port),
        "store": (stack.store.port, *stack.store.inner_ports),
    }
    with ExitStack() as held:
        for port in (port for server in servers for port in ports[server]):
            # Bound, and not listening.
            held.enter_context(socket.socket()).bind(("127.0.0.1", port))
        yield


def client_of(stack: Stack) -> Client:
    """A client of its services."""
    return Client(Addresses(stream=stack.stream_url, ingest=stack.ingest_url))


async def submit(client: Client, path: Path, **fields: str) -> Accepted:
    """A recording that is no other, since it began just now."""
    start = datetime.now(UTC).isoformat(timespec="milliseconds")
    return await client.upload(path, {"source": "test", "start": start, **fields})


async def events_of(
    client: Client, accepted: Accepted, then: Callable[[Event], None] = lambda _: None
) -> tuple[list[Event], list[str]]:
    """A recording's events to its last, and the gaps between them; `then` is told of each event."""
    events: list[Event] = []
    gaps: list[str] = []
    async with (
        asyncio.timeout(PATIENCE),
        aclosing(follow_to_end(client, Outcome([accepted]))) as coming,
    ):
        async for event in coming:
            if isinstance(event, Gap):
                gaps.append(event.reason)
            else:
                events.append(event)
                then(event)
    return events, gaps


def logged(stack: Stack, *names: str, logger: str = "") -> list[str]:
    """The messages that some processes have logged, all of them or one logger's."""
    return [
        str(record["message"])
        for name in names
        for record in log_records(stack.process(name))
        if str(record["logger"]).startswith(logger)
    ]


async def until_logged(stack: Stack, name: str, words: str, times: int = 1) -> None:
    """Wait until so many of a process's messages hold some words."""

    async def holds() -> bool:
        return sum(words in message for message in logged(stack, name)) >= times

    await until(holds, f"{words!r} in the log of {name}", PATIENCE)


def repeated(stack: Stack, *names: str) -> Mapping[str, int]:
    """Warnings and worse that a process has logged more than once, and how often."""
    found: dict[str, int] = {}
    for name in names:
        for record in log_records(stack.process(name)):
            if record["level"] in _SEVERE:
                # An address in memory makes no other message of it.
                key = _ADDRESS.sub("0x", f"{name}: {record['message']}")
                found[key] = found.get(key, 0) + 1
    return {key: count for key, count in found.items() if count > 1}
