"""`echobase topology apply`, as the Job on Kubernetes runs it."""

import asyncio
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.local.ports import free_ports
from shared.s3_store import S3Store
from shared.settings import NatsSettings, StoreSettings
from shared.topology import topology
from tests.support.nats_buses import managed
from tests.support.nats_users import NatsWithUsers
from tests.support.stack import ECHOBASE

pytestmark = pytest.mark.servers


@pytest.fixture
def server(tmp_path: Path) -> Iterator[NatsWithUsers]:
    found = NatsWithUsers(tmp_path)
    found.start()
    yield found
    found.kill()


async def apply(nats: NatsSettings, store: StoreSettings, *more: str) -> tuple[int, str]:
    env = {
        "PATH": os.environ["PATH"],
        "ECHOBASE_NATS_URL": nats.nats_url,
        "ECHOBASE_NATS_USER": nats.nats_user,
        "ECHOBASE_NATS_PASSWORD": nats.nats_password,
        "ECHOBASE_STORE_URL": store.store_url,
        "ECHOBASE_STORE_ACCESS_KEY": store.store_access_key,
        "ECHOBASE_STORE_SECRET_KEY": store.store_secret_key,
        "ECHOBASE_STORE_BUCKET": store.store_bucket,
    }
    process = await asyncio.create_subprocess_exec(
        ECHOBASE,
        *("topology", "apply", *more),
        env=env,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await process.communicate()
    return process.returncode or 0, said.decode()


async def test_everything_is_made_and_a_second_time_does_no_harm(
    server: NatsWithUsers, store_settings: StoreSettings
) -> None:
    nats = server.settings("admin")
    for _ in range(2):
        code, said = await apply(nats, store_settings)
        assert (code, said.endswith("are there.\n")) == (0, True), said
    whole = topology()
    async with managed(nats) as manager:
        streams = {each.config.name or "" for each in await manager.streams_info()}
        consumers = {
            (each.stream_name, each.name)
            for stream in streams
            for each in await manager.consumers_info(stream)
        }
    assert streams == {each.name for each in whole.streams}
    assert consumers == {(each.stream, each.name) for each in whole.consumers}
    store = S3Store(store_settings)
    assert await store.ready()
    await store.close()


async def test_it_says_what_stayed_away(store_settings: StoreSettings) -> None:
    [port] = free_ports(1)
    away = NatsSettings(nats_url=f"nats://127.0.0.1:{port}")
    code, said = await apply(away, store_settings, "--timeout", "0.5")
    assert (code, f"NATS at nats://127.0.0.1:{port} or the store" in said) == (1, True), said
