"""What tests of ingest's HTTP have in common."""

import hashlib

import httpx
import msgspec

from shared.identity import recording_id
from shared.memory_bus import MemoryBus
from shared.memory_store import MemoryStore
from tests.support import audio_files
from tests.support.ingest import Ingest, files, until

WAV = audio_files.wav()
ID = recording_id("upload", "default", None, hashlib.sha256(WAV).hexdigest())


class Backend:
    """Store and bus behind the service under test."""

    def __init__(self) -> None:
        self.store = MemoryStore()
        self.bus = MemoryBus()


def problem(response: httpx.Response, status: int, field: str | None = None) -> dict[str, object]:
    """The problem by which a request was answered."""
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    found = msgspec.json.decode(response.content, type=dict[str, object])
    assert found["status"] == status
    assert found["title"]
    assert found["detail"]
    if field is not None:
        assert found["field"] == field
    return found


async def nothing_left(ingest: Ingest, backend: Backend) -> None:
    """Neither on disk nor anywhere else."""
    await until(lambda: files(ingest.spool.folder) == [])
    assert list((ingest.spool.folder / "incoming").iterdir()) == []
    assert ingest.spool.room.used == 0
    assert not list(ingest.spool.held)
    assert backend.store.objects == {}
