"""What the store refused for good, over HTTP."""

from collections.abc import AsyncGenerator
from pathlib import Path

import msgspec
import pytest

from shared.errors import StoreRefused
from shared.memory_bus import MemoryBus
from shared.memory_store import MemoryStore
from tests.support.ingest import SITE, Ingest, files, jobs, serving, until
from tests.support.ingest_http import ID, WAV, problem


class PickyStore(MemoryStore):
    """One that does not take audio."""

    def __init__(self) -> None:
        super().__init__()
        self.picky = True

    async def put_file(self, key: str, path: Path, *, content_type: str) -> None:
        if self.picky:
            raise StoreRefused("the key is too odd")
        await super().put_file(key, path, content_type=content_type)


@pytest.fixture
def store() -> PickyStore:
    return PickyStore()


@pytest.fixture
def bus() -> MemoryBus:
    return MemoryBus()


@pytest.fixture
async def refusing(
    tmp_path: Path, store: PickyStore, bus: MemoryBus
) -> AsyncGenerator[Ingest, None]:
    """A service whose spool holds one refused recording."""
    async with serving(tmp_path, store, bus) as ingest:
        assert (await ingest.http.post("/v1/recordings", content=WAV)).status_code == 202
        await until(lambda: ingest.spool.refusals)
        yield ingest


async def test_a_refused_recording_is_listed(refusing: Ingest) -> None:
    response = await refusing.http.get("/v1/spool/refused")
    assert response.status_code == 200
    [found] = response.json()["entries"]
    assert found["key"].startswith(f"{ID}-")
    assert (found["code"], found["reason"]) == ("store-refused", "the key is too odd")
    assert (found["recording"], found["source"], found["channel"]) == (ID, "upload", "default")
    assert found["size"] > len(WAV)
    assert found["time"].endswith("Z")


async def test_a_refused_recording_is_tried_again(
    refusing: Ingest, store: PickyStore, bus: MemoryBus
) -> None:
    [found] = refusing.spool.refusals
    store.picky = False
    response = await refusing.http.post(f"/v1/spool/refused/{found.key}/retry")
    assert response.status_code == 202
    assert response.json()["id"] == ID
    await until(lambda: any(held.forwarded for held in refusing.spool.held))
    assert len(await jobs(bus)) == 1
    assert (await refusing.http.get("/v1/spool/refused")).json() == {"entries": []}
    again = await refusing.http.post(f"/v1/spool/refused/{found.key}/retry")
    assert problem(again, 404)["type"] == "urn:echobase:not-refused"


async def test_a_recording_that_is_refused_again_is_listed_again(refusing: Ingest) -> None:
    [first] = refusing.spool.refusals
    await refusing.http.post(f"/v1/spool/refused/{first.key}/retry")
    await until(lambda: refusing.spool.refusals)
    [second] = refusing.spool.refusals
    assert second.key == first.key
    assert second.why.time > first.why.time
    assert not list(refusing.spool.held)


async def test_a_refused_recording_is_dropped(refusing: Ingest) -> None:
    [found] = refusing.spool.refusals
    path = f"/v1/spool/refused/{found.key}"
    assert (await refusing.http.delete(path)).status_code == 204
    problem(await refusing.http.delete(path), 404)
    assert files(refusing.spool.folder) == []


async def test_what_cannot_be_read_can_only_be_dropped(
    tmp_path: Path, refusing: Ingest, store: PickyStore, bus: MemoryBus
) -> None:
    [found] = refusing.spool.refusals
    folder = tmp_path / "other" / "refused" / found.key
    folder.mkdir(parents=True)
    (folder / "entry.json").write_text("{")
    async with serving(tmp_path / "other", store, bus) as ingest:
        [entry] = (await ingest.http.get("/v1/spool/refused")).json()["entries"]
        assert entry["recording"] is None
        problem(await ingest.http.post(f"/v1/spool/refused/{found.key}/retry"), 409)
        assert (await ingest.http.delete(f"/v1/spool/refused/{found.key}")).status_code == 204


@pytest.mark.parametrize(("method", "path"), [("GET", ""), ("POST", "/x/retry"), ("DELETE", "/x")])
async def test_the_key_is_asked_for(tmp_path: Path, method: str, path: str) -> None:
    site = msgspec.structs.replace(SITE, api_key="secret")
    async with serving(tmp_path, MemoryStore(), MemoryBus(), site=site) as ingest:
        problem(await ingest.http.request(method, f"/v1/spool/refused{path}"), 401)


async def test_the_description_has_them(refusing: Ingest) -> None:
    paths = (await refusing.http.get("/ingest/openapi.json")).json()["paths"]
    assert set(paths["/v1/spool/refused"]) == {"get"}
    assert set(paths["/v1/spool/refused/{key}"]) == {"delete"}
    assert set(paths["/v1/spool/refused/{key}/retry"]) == {"post"}


async def test_the_spool_is_summed_up(refusing: Ingest) -> None:
    answer = await refusing.http.get("/v1/spool")
    assert answer.status_code == 200
    said = answer.json()
    assert (said["waiting"], said["waiting_bytes"], said["waiting_seconds"]) == (0, 0, 0)
    assert said["refused"] == 1
    assert len(WAV) < said["used_bytes"] < said["most_bytes"]
