"""One stack for all tests that leave it as they found it."""

from collections.abc import AsyncGenerator, Iterator

import pytest

from shared.client import Client
from tests.support.stack import RunningStack


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningStack]:
    """A running stack with the bundled model."""
    running = RunningStack(tmp_path_factory.mktemp("stack"))
    running.start()
    yield running
    assert running.stop() == 0


@pytest.fixture
async def client(stack: RunningStack) -> AsyncGenerator[Client]:
    """A client of the running stack."""
    async with Client(stack.addresses) as made:
        yield made
