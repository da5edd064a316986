"""The models in memory: another one comes when asked for, and goes when nobody uses it."""

import asyncio

from services.transcriber.engine import Engine
from services.transcriber.engines import Engines
from services.transcriber.scripted_engine import ScriptedEngine
from tests.support.watching import until


def engines(idle: float | None, loaded: list[str]) -> Engines:
    """A worker's, which notes what it loads."""

    def load(name: str) -> Engine:
        loaded.append(name)
        return ScriptedEngine(name)

    return Engines(ScriptedEngine("own"), load, idle)


async def test_a_model_that_nobody_uses_is_given_up_and_loaded_again() -> None:
    loaded: list[str] = []
    several = engines(0.01, loaded)
    async with several.lend("other") as engine:
        assert engine.model.name == several.other == "other"
    await until(lambda: several.other is None)
    async with several.lend("other"):
        assert several.other == "other"
    assert loaded == ["other", "other"]


async def test_a_model_in_use_is_kept_however_long() -> None:
    loaded: list[str] = []
    several = engines(0.0, loaded)
    async with several.lend("other"):
        async with several.lend("other"):
            pass
        for _ in range(5):
            await asyncio.sleep(0)
        assert several.other == "other"
    assert loaded == ["other"]


async def test_the_next_user_comes_in_time() -> None:
    loaded: list[str] = []
    several = engines(3600.0, loaded)
    for _ in range(3):
        async with several.lend("other"):
            pass
    assert loaded == ["other"]
    assert several.other == "other"


async def test_a_model_is_switched_when_its_users_are_through() -> None:
    loaded: list[str] = []
    several = engines(None, loaded)
    entered = asyncio.Event()

    async def use(name: str) -> None:
        async with several.lend(name) as engine:
            entered.set()
            assert engine.model.name == name

    async with several.lend("first"):
        second = asyncio.create_task(use("second"))
        for _ in range(5):
            await asyncio.sleep(0)
        assert not entered.is_set()
        assert several.other == "first"
    await second
    assert (several.other, loaded) == ("second", ["first", "second"])


async def test_the_own_model_stays() -> None:
    several = engines(0.0, [])
    async with several.lend(None) as engine:
        assert engine is several.own
    assert several.other is None
