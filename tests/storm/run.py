"""One storm: clients that come and go by the hundred, and what each of them was sent.

Findings are collected, not raised: a run tells of everything that is wrong.
"""

import asyncio
import time
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager

from services.stream.sse import EventId
from shared.topology import EVENTS
from tests.storm.client import Address
from tests.storm.crowd import PATIENCE, Crowd, Kind
from tests.storm.plan import Plan, Result
from tests.storm.publisher import PIECE, Publisher
from tests.storm.site import Site
from tests.storm.stalled import Stalling
from tests.support.figures import cpu, resident

HEARTBEATS = 3
"""After so many a client that never reads is gone: it is slow for two, and looked for with each."""
KERNEL = 64 * 1024
"""Bytes that the kernel may hold for one of those."""
GROWTH = 0.10
"""Share by which the service may be larger at the end than after the first tenth."""
END = 5.0
"""Seconds within which the service ends."""


class Storm:
    """One storm over one site."""

    def __init__(
        self, plan: Plan, site: Site, tell: Callable[[Result], None], kinds: Sequence[Kind] = ()
    ) -> None:
        """`tell` is called after each piece that is published; `kinds`: of the first clients, if
        those are to be faulty, to see that this is found."""
        self._plan = plan
        self._site = site
        self._tell = tell
        self._publisher = Publisher(site.bus)
        self._crowd = Crowd(plan, site.port, kinds)
        self._result = Result(clients=len(self._crowd.clients))

    async def run(self) -> Result:
        """All of it, to the service's end."""
        result, crowd = self._result, self._crowd
        await self._publisher.prepare(self._site.store)
        # From the stream's beginning: who has no id when it leaves begins with what comes next.
        await crowd.begin(str(EventId((await self._site.bus.state(EVENTS.name)).epoch, 0)))
        async with self._stalled():
            await self._rage()
        await self._make_anew()
        await self._stop()
        result.findings += crowd.faults()
        result.findings += [f"logged: {line}" for line in self._site.complaints()]
        return result

    async def _rage(self) -> None:
        result, plan, pid = self._result, self._plan, self._site.pid
        began, used = time.monotonic(), cpu(pid)
        weather = self._weather()
        while self._publisher.last < plan.events:
            await self._catch_up()
            await self._publisher.piece()
            last = result.published = self._publisher.last
            while weather and weather[0][0] <= last:
                weather.pop(0)[1]()
            self._crowd.bring_back(last)
            if last >= plan.events * (len(result.sizes) + 1) / plan.parts:
                await self._measure(last)
            result.deliveries = self._crowd.delivered
            self._tell(result)
        result.seconds, result.cpu = time.monotonic() - began, cpu(pid) - used
        grown = result.sizes[-1] / result.sizes[0] - 1
        if grown > GROWTH:
            self._find(f"the service grew by {grown:.1%} after the first tenth")

    async def _catch_up(self) -> None:
        """Do not let the clients fall behind without end."""
        crowd, last = self._crowd, self._publisher.last
        if crowd.lag(last) >= self._plan.lag:
            crowd.resume()
            await crowd.until(lambda: crowd.lag(last) < self._plan.lag)

    def _weather(self) -> list[tuple[int, Callable[[], None]]]:
        """What happens once the event of a number is published."""
        plan, crowd = self._plan, self._crowd

        def storm() -> None:
            crowd.storm(late=self._publisher.last + 2 * plan.ring + PIECE)

        # The first of each is part of the first tenth, so that what it leaves is no growth.
        storms = [(at, storm) for at in _moments(plan.events, plan.storms, 0.5)]
        lulls = [(at, crowd.pause) for at in _moments(plan.events, plan.lulls, 0.2)]
        return sorted([*storms, *lulls], key=lambda each: each[0])

    async def _measure(self, last: int) -> None:
        """See how large the service is when nobody is behind."""
        self._crowd.resume()
        if last == self._plan.events:
            self._crowd.bring_back()
        if not await self._crowd.reach(last):
            self._find(f"not everybody got everything up to event {last}")
        self._result.sizes.append(resident(self._site.pid))

    @asynccontextmanager
    async def _stalled(self) -> AsyncGenerator[None]:
        """Some clients that never read, and in the end what became of them."""
        stalling = Stalling(self._site.port)
        stalling.begin(Address(self._site.port), self._plan.stalled)
        watching = asyncio.create_task(stalling.watch())
        try:
            yield
            if not await self._crowd.until(watching.done):
                self._find("a client that never reads is still borne with")
        finally:
            watching.cancel()
            stalling.close()
        self._result.stalled = [(each.lasted, each.most) for each in stalling.clients]
        bound = HEARTBEATS * self._plan.heartbeat + 1
        for lasted, most in self._result.stalled:
            if self._plan.seconds_count and lasted > bound:
                self._find(f"a client that never reads was borne with for {lasted:.1f} s")
            if most > KERNEL:
                self._find(f"the kernel held {most} bytes for a client that never reads")

    async def _make_anew(self) -> None:
        """EVENTS is deleted and created: each client is told of one gap, and goes on."""
        crowd, last = self._crowd, self._plan.events + self._plan.anew
        if gaps := sum(client.gaps for client in crowd.clients):
            self._find(f"{gaps} gaps were announced during the storm")
        await crowd.until(lambda: crowd.connected == len(crowd.clients))
        before = [(client, client.gaps, client.connections) for client in crowd.clients]
        await self._site.make_events_anew()
        self._publisher.begin_anew()
        while self._publisher.last < last:
            await self._publisher.piece()
        if not await crowd.reach(last):
            self._find("not everybody got everything of the stream that was made anew")
        # Who wants none of its events, and is rotated just now, is told when it is back.
        await crowd.until(lambda: all(client.gaps > gaps for client, gaps, _ in before))
        for client, gaps, connections in before:
            # Who is rotated before the next event has an id of the stream that was, still.
            most = 1 + client.connections - connections
            if not 1 <= client.gaps - gaps <= most:
                self._find(f"{client.gaps - gaps} gaps, not one, when EVENTS was made anew")

    async def _stop(self) -> None:
        """The service ends while all are connected: each is told, and none is left."""
        result, crowd, service = self._result, self._crowd, self._site.service
        await crowd.until(lambda: crowd.connected == len(crowd.clients))
        result.totals = crowd.totals()
        for client in crowd.clients:
            client.returns = False
        began = time.monotonic()
        if not await self._site.stop(PATIENCE):
            self._find("the service did not end")
        result.end = time.monotonic() - began
        if self._plan.seconds_count and result.end > END:
            self._find(f"the service took {result.end:.1f} s to end")
        if service.exit_code != 0:
            self._find(f"the service's exit code was {service.exit_code}")
        await crowd.until(lambda: not crowd.connected)
        if untold := len(crowd.clients) - crowd.totals().told + result.totals.told:
            self._find(f"{untold} clients were not told of the service's end")

    def _find(self, what: str) -> None:
        self._result.findings.append(what)


def _moments(events: int, count: int, at: float) -> list[int]:
    """So many numbers, one in each equal part of the events, at a share of the part."""
    return [round(events * (number + at) / count) for number in range(count)]
