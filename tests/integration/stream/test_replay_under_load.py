"""From replay to live while events keep coming, at random positions, from the real process; and
ids that are none."""

import asyncio
import random
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest

from deploy.local.ports import free_ports
from services.stream.filters import parse
from services.stream.sse import EventId, parse_id
from shared.bus import Bus
from shared.topology import EVENTS
from tests.support.calls import Call
from tests.support.stream import DEADLINE, process, reading, until

pytestmark = pytest.mark.servers

CALLS = 6
SEGMENTS = 150
"""Of each call, one after another."""
TOTAL = CALLS * SEGMENTS
READERS = 40
NO_IDS = (
    *(
        "7",
        "-",
        "-7",
        "epoch-",
        "epoch-x",
        "epoch--1",
        "epoch-1.5",
        "epoch-+1",
        "epoch-1-",
        "e/e-1",
    ),
    *("epoch-" + 20 * "9", 65 * "e" + "-1", "epoch-0x1", "epoch-\u0661", "epoch 1", "<epoch>-1"),
)


@pytest.fixture
async def http(env: dict[str, str], bus: Bus, tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the process, whose ring holds next to nothing: most replays read JetStream."""
    [port] = free_ports(1)
    small = {"ECHOBASE_STREAM_PORT": str(port), "ECHOBASE_RING_EVENTS": "30"}
    service = process({**env, **small}, tmp_path / "stream.log")
    service.start()
    url = f"http://127.0.0.1:{port}"
    limits = httpx.Limits(max_connections=None)
    try:
        async with httpx.AsyncClient(base_url=url, timeout=DEADLINE, limits=limits) as http:

            async def follows() -> bool:
                try:
                    ready = (await http.get("/health/ready")).json()
                except httpx.TransportError:
                    return False
                return ready["checks"]["bus"]["status"] == "ok"

            await until(follows)
            yield http
    finally:
        service.kill()
    assert "Traceback" not in service.log.read_text()


@dataclass
class Load:
    """Calls whose segments are published all at the same time."""

    bus: Bus
    published: int = 0
    moved: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def run(self) -> None:
        """Publish it all."""
        async with asyncio.TaskGroup() as tasks:
            for number in range(CALLS):
                tasks.create_task(self._call(number))

    async def _call(self, number: int) -> None:
        call = Call(self.bus, source=f"s{number % 2}", channel=f"c{number % 3}")
        for _ in range(SEGMENTS):
            await call.segment("roger")
            async with self.moved:
                self.published += 1
                self.moved.notify_all()

    async def reaches(self, count: int) -> None:
        """Wait until so much is published."""
        async with self.moved:
            await self.moved.wait_for(lambda: self.published >= count)


class Reading:
    """A reader that joins at some moment of the load, from some position on."""

    def __init__(self, joins: int, position: float) -> None:
        self.joins = joins
        self.after = int(position * joins)
        self.seen: list[int] = []

    async def run(self, http: httpx.AsyncClient, query: str, load: Load, epoch: str) -> None:
        """Read for ever."""
        await load.reaches(self.joins)
        async with reading(http, query, after=str(EventId(epoch, self.after))) as reader:
            while True:
                event = await reader.next()
                assert event.event == "segment"
                self.seen.append(parse_id(event.id).sequence)


@pytest.mark.parametrize("query", ["", "source=s1", "source=s0&channel=c2", "type=segment"])
async def test_readers_that_join_anywhere_under_load_see_each_event_once(
    http: httpx.AsyncClient, bus: Bus, query: str
) -> None:
    chance = random.Random(query)
    epoch = (await bus.state(EVENTS.name)).epoch
    load = Load(bus)
    readers = [Reading(chance.randrange(1, TOTAL), chance.random()) for _ in range(READERS)]
    tasks = [asyncio.create_task(each.run(http, query, load, epoch)) for each in readers]
    await load.run()
    wanted = parse(httpx.QueryParams(query).multi_items()).takes
    stored = [
        message.sequence
        async for batch in bus.read(EVENTS.name, [">"])
        for message in batch
        if wanted(message)
    ]

    async def all_there() -> bool:
        for task in tasks:
            if task.done():
                task.result()
        return all(each.seen and each.seen[-1] == stored[-1] for each in readers)

    await until(all_there)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    for each in readers:
        assert each.seen == [sequence for sequence in stored if sequence > each.after]


async def test_an_id_that_is_not_of_the_form_is_refused(http: httpx.AsyncClient) -> None:
    for id in NO_IDS:
        for answer in (
            await http.get("/v1/events", params={"last_event_id": id}),
            await http.get("/v1/events", headers=[(b"Last-Event-ID", id.encode())]),
        ):
            assert answer.status_code == 400, (id, answer.text)
            assert answer.headers["content-type"] == "application/problem+json"
            assert answer.json()["field"] == "Last-Event-ID"
