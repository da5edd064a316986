"""What an event costs that one client wants, alone and among thousands that want something else."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from services.stream.sse import EventId
from shared.topology import EVENTS
from tests.storm.client import Address, Client
from tests.storm.contiguity import Expected
from tests.storm.site import Site
from tests.support.calls import Call
from tests.support.figures import cpu, cpu_of_loop

LIMIT = 2.0
"""Times the cost of one client alone that it may cost among all the others."""
ENVIRONMENT: Mapping[str, str] = {"ECHOBASE_HEARTBEAT": "600", "ECHOBASE_ROTATE": "0"}
"""Of the service: the others are not to be written to for any other reason."""
_SOURCE, _CHANNEL = "county", "wanted"
_AT_ONCE = 200


@dataclass(frozen=True)
class Cost:
    """Of one event, in microseconds of the service's CPU."""

    loop: float
    """Of the thread that writes to clients."""
    process: float
    """Of all threads: the history's are among them."""


class FilterCost:
    """Measures one service. One event is in flight at a time."""

    def __init__(self, site: Site, events: int) -> None:
        """`events`: of each measurement."""
        self._site = site
        self._events = events
        self._call = Call(site.bus, _SOURCE, _CHANNEL)
        self._wanted = Expected(range(10 * events))
        self._one = Client(self._address(_CHANNEL), self._wanted)

    async def compare(self, clients: int, filters: int) -> tuple[Cost, Cost]:
        """The cost with one client, and with so many on so many filters, one of them its own."""
        state = await self._site.bus.state(EVENTS.name)
        self._one.last_id = str(EventId(state.epoch, state.last)).encode()
        await self._call.store_recording(self._site.store)
        await self._call.store_request(self._site.store)
        await self._one.connect()
        await self._measure(self._events // 10)
        alone = await self._measure(self._events)
        others = await self._others(clients - 1, filters - 1)
        await self._measure(self._events // 10)
        among = await self._measure(self._events)
        assert not self._one.check.fault
        assert not any(other.check.foreign or other.cut for other in others)
        for client in (self._one, *others):
            client.leave()
        return alone, among

    async def _measure(self, events: int) -> Cost:
        pid, at = self._site.pid, self._one.check.at
        before = Cost(cpu_of_loop(pid), cpu(pid))
        for number in range(at + 1, at + events + 1):
            await self._call.segment("roger")
            while self._one.check.at < number:  # noqa: ASYNC110  whoever waits learns it so at once
                await asyncio.sleep(0)
        each = 1e6 / events
        return Cost((cpu_of_loop(pid) - before.loop) * each, (cpu(pid) - before.process) * each)

    async def _others(self, count: int, filters: int) -> Sequence[Client]:
        nothing = Expected(())
        made = [Client(self._address(f"other-{n % filters}"), nothing) for n in range(count)]
        for start in range(0, count, _AT_ONCE):
            await asyncio.gather(*(each.connect() for each in made[start : start + _AT_ONCE]))
        return made

    def _address(self, channel: str) -> Address:
        return Address(self._site.port, f"/v1/events?source={_SOURCE}&channel={channel}")
