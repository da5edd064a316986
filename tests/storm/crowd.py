"""All clients of a storm: how they come and go, and how far they are."""

import asyncio
import random
from collections.abc import Callable, Iterable, Sequence

from tests.storm.client import Address, Client
from tests.storm.contiguity import Expected
from tests.storm.plan import Plan, Totals
from tests.storm.publisher import CHANNELS, of_channel

PATIENCE = 60.0
"""Seconds without any progress after which no more is waited for."""
_POLL = 0.01
Kind = Callable[[Address, Expected], Client]


class Crowd:
    """The clients."""

    def __init__(self, plan: Plan, port: int, kinds: Sequence[Kind] = ()) -> None:
        """`kinds`: of the first few, if those are to be other ones."""
        last = plan.events + plan.anew
        made = [*kinds, *[Client] * (plan.clients - len(kinds))]
        every = Expected(range(1, last + 1))
        self.greedy = [kind(Address(port), every) for kind in made]
        """Those that want everything."""
        self.clients = [*self.greedy, *_choosy(plan.choosy, port, last)]
        self._absent = plan.absent
        self._away: list[tuple[int, list[Client]]] = []
        """Clients that come back once the event of a number is published."""
        self._chance = random.Random(plan.events)
        self._coming: set[asyncio.Future[None]] = set()

    async def begin(self, position: str) -> None:
        """All connect, and want what comes after an event's id."""
        for client in self.clients:
            client.last_id = position.encode()
        await self._come(self.clients)

    async def _come(self, clients: Iterable[Client]) -> None:
        await asyncio.gather(*(client.connect() for client in clients))

    def storm(self, late: int) -> None:
        """Half of them leave, all at once. Most come back in the same moment, some only once the
        event of the number `late` is published."""
        present = self._present()
        half = self._chance.sample(present, len(present) // 2)
        for client in half:
            client.leave()
        self._away.append((late, half[: self._absent]))
        self._spawn(half[self._absent :])

    def bring_back(self, number: int | None = None) -> None:
        """Those come back that wait for an event up to this number; all of them if None."""
        for due in [each for each in self._away if number is None or each[0] <= number]:
            self._away.remove(due)
            self._spawn(due[1])

    def pause(self) -> None:
        """None of them reads."""
        for client in self.clients:
            client.pause()

    def resume(self) -> None:
        """They read on."""
        for client in self.clients:
            client.resume()

    def lag(self, number: int) -> float:
        """Events by which those are behind, on average, that want everything and are not away."""
        away = self._away_ones()
        present = [client.check.at for client in self.greedy if client not in away]
        return number - sum(present) / len(present)

    async def reach(self, number: int) -> bool:
        """Wait until everybody who is not away has what it wants up to an event's number."""
        due = self._present()
        return await self.until(lambda: all(_has(client, number) for client in due))

    async def until(self, holds: Callable[[], bool]) -> bool:
        """Wait until it holds; whether it does, after long without any progress."""
        loop = asyncio.get_running_loop()
        seen, patience = -1, loop.time() + PATIENCE
        while not holds():
            self._check_coming()
            if self.delivered != seen:
                seen, patience = self.delivered, loop.time() + PATIENCE
            elif loop.time() > patience:
                return False
            await asyncio.sleep(_POLL)
        return True

    @property
    def delivered(self) -> int:
        """Events that they were sent, each once."""
        return sum(client.check.at for client in self.clients)

    @property
    def connected(self) -> int:
        """How many have an event stream now."""
        return sum(client.connected for client in self.clients)

    def totals(self) -> Totals:
        """What became of their connections so far."""
        return Totals(
            sum(client.connections for client in self.clients),
            sum(client.told for client in self.clients),
            sum(client.cut for client in self.clients),
        )

    def faults(self) -> list[str]:
        """What was wrong with what each was sent."""
        named = [(number, each) for number, each in enumerate(self.clients)]
        return [f"client {n}: {each.check.fault}" for n, each in named if each.check.fault] + [
            f"client {n} was answered {each.refused[:200]}" for n, each in named if each.refused
        ]

    def _present(self) -> list[Client]:
        away = self._away_ones()
        return [client for client in self.clients if client not in away]

    def _away_ones(self) -> set[Client]:
        return {client for _, clients in self._away for client in clients}

    def _spawn(self, clients: Sequence[Client]) -> None:
        self._coming.add(asyncio.ensure_future(self._come(clients)))

    def _check_coming(self) -> None:
        for done in [each for each in self._coming if each.done()]:
            self._coming.remove(done)
            done.result()


def _choosy(count: int, port: int, last: int) -> list[Client]:
    channels = [f"fire-{number}" for number in range(CHANNELS)]
    expected = {channel: Expected(of_channel(channel, last)) for channel in channels}
    wanted = [channels[number % CHANNELS] for number in range(count)]
    return [Client(Address(port, f"/v1/events?channel={c}"), expected[c]) for c in wanted]


def _has(client: Client, number: int) -> bool:
    return client.check.at >= client.check.expected.up_to(number)
