"""Who may begin beside whom."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from services.transcriber.held import Held
from services.transcriber.suspects import Fresh, Suspects
from services.transcriber.turns import Turns


class Visit:
    """An attempt in a room of its test's."""

    def __init__(self, room: Suspects, *, suspect: bool = False) -> None:
        self.fresh: Fresh | None = None
        self.over = asyncio.Event()
        self.task = asyncio.create_task(self._run(room, suspect))

    async def _run(self, room: Suspects, suspect: bool) -> None:
        async with room.enter(suspect=suspect) as self.fresh:
            await self.over.wait()


async def settle() -> None:
    """Let every task go as far as it can."""
    for _ in range(20):
        await asyncio.sleep(0)


@asynccontextmanager
async def ended(*visits: Visit) -> AsyncGenerator[None]:
    yield
    for visit in visits:
        visit.over.set()
    await asyncio.gather(*(visit.task for visit in visits))


async def test_those_nothing_speaks_against_go_side_by_side() -> None:
    room = Suspects()
    async with ended(one := Visit(room), other := Visit(room)):
        await settle()
        assert one.fresh
        assert other.fresh


async def test_a_suspect_waits_until_nobody_else_would_be_counted() -> None:
    room = Suspects()
    one = Visit(room)
    await settle()
    suspect = Visit(room, suspect=True)
    await settle()
    late = Visit(room)
    async with ended(one, suspect, late):
        await settle()
        assert (suspect.fresh, late.fresh) == (None, None)
        assert one.fresh is not None
        one.fresh.settled()
        await settle()
        assert suspect.fresh is not None
        assert suspect.fresh.suspect
        assert late.fresh is None
        suspect.fresh.settled()
        assert not suspect.fresh.suspect
        await settle()
        assert late.fresh is not None


async def test_suspects_go_one_after_another() -> None:
    room = Suspects()
    visits = [Visit(room, suspect=True) for _ in range(3)]
    for number in range(3):
        await settle()
        assert sum(visit.fresh is not None for visit in visits) == number + 1
        inside = next(v for v in visits if v.fresh is not None and not v.over.is_set())
        inside.over.set()
        await inside.task


async def test_a_suspect_that_gives_up_waiting_keeps_nobody() -> None:
    room = Suspects()
    one = Visit(room)
    await settle()
    suspect = Visit(room, suspect=True)
    await settle()
    suspect.task.cancel()
    async with ended(one, late := Visit(room)):
        await settle()
        assert late.fresh is not None


async def test_turns_are_taken_by_rank() -> None:
    turns, order = Turns(1), list[int]()

    async def visit(rank: int) -> None:
        async with turns.take(rank):
            order.append(rank)
            await asyncio.sleep(0)

    tasks = [asyncio.create_task(visit(rank)) for rank in (2, 1, 2, 0)]
    await settle()
    await asyncio.gather(*tasks)
    assert order == [2, 0, 1, 2]


async def test_a_turn_that_is_not_wanted_any_more_is_the_nexts() -> None:
    turns = Turns(1)
    async with turns.take(0):
        gone, stays = (asyncio.create_task(enter(turns)) for _ in range(2))
        await settle()
        gone.cancel()
    await asyncio.wait_for(stays, 10)
    await asyncio.wait_for(enter(turns), 10)


async def enter(turns: Turns) -> None:
    async with turns.take(0):
        pass


async def test_a_turn_given_in_the_moment_of_giving_up_is_not_lost() -> None:
    turns = Turns(1)
    async with turns.take(0):
        waiting = asyncio.create_task(enter(turns))
        await settle()
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    await asyncio.wait_for(enter(turns), 10)


async def test_what_is_held_others_wait_for() -> None:
    held, order = Held[str](), list[str]()

    async def hold(key: str, name: str) -> None:
        async with held.hold(key):
            order.append(name)
            await settle()
            order.append(name)

    await asyncio.gather(hold("a", "1"), hold("a", "2"), hold("b", "3"))
    assert order == ["1", "3", "1", "3", "2", "2"]
