"""A site in memory."""

from pathlib import Path

import pytest

from shared.memory_bus import MemoryBus
from shared.memory_store import MemoryStore
from shared.topology import topology
from tests.support.transcribing import Clock, Site


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def bus(clock: Clock) -> MemoryBus:
    bus = MemoryBus(clock)
    await bus.ensure(topology())
    return bus


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore()


@pytest.fixture
def site(bus: MemoryBus, store: MemoryStore, tmp_path: Path) -> Site:
    return Site(bus, store, tmp_path)
