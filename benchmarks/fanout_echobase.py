"""The stream service as it is, but for its bus and store, which are in its own memory.

What is measured is the fan-out: for every server, events come to be within its process.
"""

import asyncio
import os
import tempfile
from collections.abc import AsyncGenerator, Sequence

import uvloop

from benchmarks.fanout_control import RECORDING, Events, serve_commands
from deploy.local.ports import free_ports
from services.stream.__main__ import Site, serve
from shared import subjects as names
from shared.bus import StoredMessage
from shared.lifecycle import Lifecycle
from shared.memory_bus import MemoryBus
from shared.memory_store import MemoryStore
from shared.topology import EVENTS, topology

_SUBJECT = names.event("county", "fire", RECORDING, 1, "segment")


class Pushed(MemoryBus):
    """Hands EVENTS' follower what it is given, as a broker's client hands over what has come."""

    def __init__(self) -> None:
        super().__init__()
        self._batches: asyncio.Queue[Sequence[StoredMessage]] = asyncio.Queue()

    def push(self, batch: Sequence[StoredMessage]) -> None:
        """These have come."""
        self._batches.put_nowait(batch)

    async def follow(
        self, stream: str, subjects: Sequence[str], start: int, epoch: str | None = None
    ) -> AsyncGenerator[Sequence[StoredMessage]]:
        """The batches, as they come; as it is for any other stream."""
        if stream != EVENTS.name:
            async for batch in super().follow(stream, subjects, start, epoch):
                yield batch
        while True:
            yield await self._batches.get()


async def main() -> None:
    """Serve until standard input ends."""
    [port] = free_ports(1)
    bus = Pushed()
    events = Events()

    async def publish(count: int) -> None:
        bus.push(
            [
                StoredMessage(_SUBJECT, data, {}, sequence)
                for sequence, _, data in events.next(count)
            ]
        )

    with tempfile.TemporaryDirectory() as data:
        env = {**os.environ, "ECHOBASE_STREAM_PORT": str(port), "ECHOBASE_DATA": data}
        life = Lifecycle("stream", env)
        site = Site(bus, MemoryStore(), lambda: True, bus.ensure(topology()))
        serving = asyncio.create_task(serve(life, site))
        await _until_up(port)
        await serve_commands(port, publish)
        life.stopping.set()
        await serving


async def _until_up(port: int) -> None:
    while True:
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            await asyncio.sleep(0.02)
        else:
            writer.close()
            return


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main())
