"""Ingest with a real nats-server and a real S3 server: they come and go, recordings stay."""

import asyncio
import signal
from collections.abc import Mapping
from pathlib import Path

import httpx
import pytest

from services.ingest.versions import claim
from shared import object_keys
from shared.errors import Unavailable
from shared.messages import Job, Queued, Recording, decode, decode_event
from shared.nats_bus import NatsBus
from shared.s3_store import S3Store
from shared.settings import StoreSettings
from tests.support import audio_files
from tests.support.ingest import entry, events, files, jobs, serving, until
from tests.support.ingest_process import Service
from tests.support.reached import reached
from tests.support.servers import NatsFixture, S3Fixture

pytestmark = pytest.mark.servers

# The servers are started by the test's own thread: they end with the thread that started them.


async def check(bus: NatsBus, store: S3Store, recordings: Mapping[str, bytes]) -> None:
    """Each recording is stored whole, announced once, and has one job."""
    found = [decode(job.data, Job) for job in await jobs(bus)]
    assert sorted(job.recording for job in found) == sorted(recordings)
    for job in found:
        assert await store.get(job.audio) == recordings[job.recording]
        record = decode(await store.get(object_keys.record(job.recording)), Recording)
        assert record.size == len(recordings[job.recording])
    queued = [decode_event(event.data) for event in await events(bus)]
    assert all(isinstance(event, Queued) for event in queued)
    assert sorted(event.recording for event in queued) == sorted(recordings)


async def test_uploads_are_forwarded(
    tmp_path: Path, nats: NatsFixture, store_settings: StoreSettings
) -> None:
    sent: dict[str, bytes] = {}
    async with (
        reached(nats.settings, store_settings) as (bus, store),
        serving(tmp_path, store, bus) as ingest,
    ):
        for n in range(10):
            content = audio_files.wav(0.5, pitch=400 + n)
            answer = (await ingest.http.post("/v1/recordings", content=content)).json()
            assert answer["status"] == "accepted"
            sent[answer["id"]] = content
        again = await ingest.http.post("/v1/recordings", content=audio_files.wav(0.5, pitch=400))
        assert (again.json()["status"], again.json()["version"]) == ("known", 1)
        await until(lambda: not any(held.waiting for held in ingest.spool.held))
        await check(bus, store, sent)
        assert (await ingest.http.get("/health/ready")).json()["status"] == "ok"


async def test_an_upload_while_both_servers_are_stopped_is_forwarded_when_they_come(
    tmp_path: Path, nats: NatsFixture, s3_server: S3Fixture, store_settings: StoreSettings
) -> None:
    nats.kill()
    s3_server.kill()
    sent: dict[str, bytes] = {}
    try:
        async with (
            reached(nats.settings, store_settings) as (bus, store),
            serving(tmp_path, store, bus) as ingest,
        ):
            for n in range(5):
                content = audio_files.wav(0.5, pitch=400 + n)
                response = await ingest.http.post("/v1/recordings", content=content)
                assert response.status_code == 202
                assert response.json()["version"] is None
                sent[response.json()["id"]] = content
            assert (await ingest.http.get("/health/ready")).json()["status"] == "degraded"
            s3_server.start()
            nats.start()
            await until(lambda: not any(held.waiting for held in ingest.spool.held), seconds=60)
            await check(bus, store, sent)
    finally:
        if not s3_server.process.alive:
            s3_server.start()


async def test_servers_that_go_and_come_back_lose_and_double_nothing(
    tmp_path: Path, nats: NatsFixture, store_settings: StoreSettings
) -> None:
    sent: dict[str, bytes] = {}
    async with (
        reached(nats.settings, store_settings) as (bus, store),
        serving(tmp_path, store, bus) as ingest,
    ):
        for round in range(3):
            for n in range(5):
                content = audio_files.wav(0.3, pitch=400 + 10 * round + n)
                response = await ingest.http.post("/v1/recordings", content=content)
                assert response.status_code == 202
                sent[response.json()["id"]] = content
                if n == 2:
                    nats.kill()
            nats.start()
        await until(lambda: not any(held.waiting for held in ingest.spool.held), seconds=60)
        await check(bus, store, sent)


async def test_the_store_decides_who_has_a_version(store_settings: StoreSettings) -> None:
    store = S3Store(store_settings)
    await store.ensure()
    entries = [entry(b"audio", minute=n) for n in range(8)]

    async def claimed(n: int) -> tuple[int, bool]:
        while True:
            try:
                return await claim(store, entries[n])
            except Unavailable:
                # The server answers so while another conditional write is under way.
                await asyncio.sleep(0.01)

    claims = await asyncio.gather(*(claimed(n) for n in range(8)))
    assert {version for version, _ in claims} == {1}
    assert sum(ours for _, ours in claims) == 1
    await store.close()


async def test_a_killed_ingest_goes_on_where_it_was(
    tmp_path: Path, nats: NatsFixture, store_settings: StoreSettings
) -> None:
    nats.kill()
    service = Service(tmp_path, nats.settings, store_settings)
    sent: dict[str, bytes] = {}
    try:
        async with httpx.AsyncClient() as http:
            for n in range(3):
                await service.start()
                content = audio_files.wav(0.5, pitch=400 + n)
                answer = await http.post(f"{service.url}/v1/recordings", content=content)
                assert answer.status_code == 202
                sent[answer.json()["id"]] = content
                await service.end()
        nats.start()
        await service.start()
        async with reached(nats.settings, store_settings) as (bus, store):
            await until(lambda: _markers(tmp_path) == len(sent), seconds=60)
            await check(bus, store, sent)
        assert await service.end(signal.SIGTERM) == 0
        assert _markers(tmp_path) == len(sent)
    finally:
        await service.end()


def _markers(folder: Path) -> int:
    return sum(name.endswith("forwarded.json") for name in files(folder / "data"))
