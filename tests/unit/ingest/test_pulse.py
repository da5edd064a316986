"""Whether store and bus have been away for too long."""

from services.ingest.pulse import Pulse
from services.ingest.upstream import Upstream
from shared.errors import BusUnavailable, StoreUnavailable
from shared.memory_bus import MemoryBus
from shared.memory_store import MemoryStore
from shared.topology import topology


class Scene:
    """A pulse of a store and a bus in memory, at a time that is moved by hand."""

    def __init__(self) -> None:
        self.bus = MemoryBus()
        self.store = MemoryStore()
        self.time = 100.0
        upstream = Upstream(self.store, self.bus, topology())
        self.pulse = Pulse(upstream, longest=5.0, clock=lambda: self.time)

    async def after(self, seconds: float, since: float = 0.0) -> object:
        """What has been away, so many seconds later."""
        self.time += seconds
        return await self.pulse.away(since)


async def test_what_is_there_is_not_away() -> None:
    scene = Scene()
    assert await scene.after(0) is None
    assert scene.pulse.beats


async def test_what_is_away_for_long_is_told() -> None:
    for away, kind in (("bus", BusUnavailable), ("store", StoreUnavailable)):
        scene = Scene()
        (scene.bus if away == "bus" else scene.store).away = True
        assert await scene.after(0) is None
        assert not scene.pulse.beats
        assert await scene.after(4) is None
        assert isinstance(await scene.after(1), kind)


async def test_what_comes_back_is_forgiven() -> None:
    scene = Scene()
    scene.bus.away = True
    assert await scene.after(0) is None
    scene.bus.away = False
    assert await scene.after(4) is None
    assert scene.pulse.beats
    scene.bus.away = True
    assert await scene.after(2) is None
    assert await scene.after(4) is None


async def test_nobody_is_told_who_has_not_waited_so_long() -> None:
    scene = Scene()
    scene.bus.away = True
    await scene.after(0)
    for _ in range(5):
        await scene.after(4)
    assert await scene.after(0) is not None
    assert await scene.after(0, since=scene.time) is None
    assert await scene.after(5, since=scene.time) is not None


async def test_what_nobody_watched_counts_from_now() -> None:
    scene = Scene()
    scene.bus.away = True
    await scene.after(0)
    assert await scene.after(60) is None
    assert await scene.after(4) is None
    assert await scene.after(2) is not None


async def test_it_asks_at_most_once_a_second() -> None:
    scene = Scene()
    await scene.after(0)
    scene.bus.away = True
    await scene.after(0.5)
    assert scene.pulse.beats
    await scene.after(0.6)
    assert not scene.pulse.beats
