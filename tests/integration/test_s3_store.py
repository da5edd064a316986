"""What only a real S3 server can show: it goes away, it hangs, it refuses."""

import asyncio
import os
import signal
import tracemalloc
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest

from shared.errors import StoreRefused, StoreUnavailable
from shared.s3_store import S3Store
from shared.settings import StoreSettings
from tests.support.servers import S3Fixture

pytestmark = pytest.mark.servers


@pytest.fixture
async def store(store_settings: StoreSettings) -> AsyncIterator[S3Store]:
    found = S3Store(store_settings)
    await found.ensure()
    yield found
    await found.close()


async def test_a_server_that_went_away_and_came_back(
    store: S3Store, s3_server: S3Fixture, tmp_path: Path
):
    await store.put("kept", b"kept")
    s3_server.kill()
    try:
        assert await store.ready() is False
        for call in (
            store.put("lost", b"x"),
            store.put_if_absent("lost", b"x"),
            store.get("kept"),
            store.get_range("kept", 0, 1),
            store.get_file("kept", tmp_path / "kept"),
            store.put_file("lost", Path(__file__), content_type="text/plain"),
            store.stat("kept"),
            store.delete("kept"),
            store.ensure(),
        ):
            with pytest.raises(StoreUnavailable):
                await call
        with pytest.raises(StoreUnavailable):
            [found async for found in store.list("")]
    finally:
        s3_server.start()
    async with asyncio.timeout(30):
        while not await store.ready():  # noqa: ASYNC110 - another process has no event to wait for
            await asyncio.sleep(0.05)
    assert await store.get("kept") == b"kept"
    assert await store.put_if_absent("kept", b"other") is False
    assert await store.stat("lost") is None


def freeze(server: S3Fixture) -> None:
    """Stop a server, and wait until none of its threads answers any more."""
    assert server.process.pid
    server.process.signal(signal.SIGSTOP)
    os.waitid(os.P_PID, server.process.pid, os.WSTOPPED | os.WNOWAIT)


async def test_a_server_that_hangs_is_known_not_to_be_ready(store: S3Store, s3_server: S3Fixture):
    await store.put("x", b"x")
    freeze(s3_server)
    try:
        # As many as take every thread there is.
        hanging = [asyncio.create_task(store.get("x")) for _ in range(20)]
        assert await store.ready() is False
        assert not any(task.done() for task in hanging)
    finally:
        s3_server.process.signal(signal.SIGCONT)
    assert await asyncio.gather(*hanging) == [b"x"] * 20
    assert await store.ready() is True


async def test_a_file_travels_in_bounded_memory(store: S3Store, tmp_path: Path):
    there, back = tmp_path / "there", tmp_path / "back"
    size = 64 * 1024**2
    with there.open("wb") as file:
        file.truncate(size)
    tracemalloc.start()
    try:
        await store.put_file("big", there, content_type="audio/wav")
        _, sending = tracemalloc.get_traced_memory()
        tracemalloc.reset_peak()
        await store.get_file("big", back)
        _, receiving = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert (await store.stat("big")) is not None
    assert back.stat().st_size == size
    assert sending < 24 * 1024**2
    assert receiving < 8 * 1024**2


async def test_wrong_keys_are_named_with_their_settings(store_settings: StoreSettings):
    wrong = S3Store(msgspec.structs.replace(store_settings, store_secret_key="not-the-key"))
    with pytest.raises(StoreUnavailable, match="ECHOBASE_STORE_SECRET_KEY"):
        await wrong.put("x", b"x")
    with pytest.raises(StoreUnavailable, match="ECHOBASE_STORE_SECRET_KEY"):
        await wrong.put_if_absent("x", b"x")
    assert await wrong.ready() is False
    await wrong.close()


async def test_a_bucket_that_is_missing_may_come_back(store_settings: StoreSettings):
    store = S3Store(store_settings)
    with pytest.raises(StoreUnavailable, match="NoSuchBucket"):
        await store.get("x")
    assert await store.ready() is False
    await store.ensure()
    assert await store.ready() is True
    await store.close()


async def test_a_file_that_is_not_there_is_no_fault_of_the_store(store: S3Store, tmp_path: Path):
    with pytest.raises(FileNotFoundError):
        await store.put_file("x", tmp_path / "none", content_type="audio/wav")


async def test_a_key_that_the_store_refuses_is_refused_for_good(store: S3Store):
    with pytest.raises(StoreRefused):
        await store.put("x" * 2000, b"x")
