"""The service on a port of its own, with store and bus in memory."""

from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from tests.support.ingest import Ingest, serving
from tests.support.ingest_http import Backend


@pytest.fixture
def backend() -> Backend:
    """Store and bus, empty."""
    return Backend()


@pytest.fixture
async def ingest(tmp_path: Path, backend: Backend) -> AsyncGenerator[Ingest, None]:
    """The service."""
    async with serving(tmp_path, backend.store, backend.bus) as service:
        yield service
