"""The servers of the local stack start, keep their data over a kill, and listen on loopback."""

import base64
import io
import json
from pathlib import Path
from urllib.request import urlopen

import pytest
from minio import Minio

from deploy.local.servers import (
    LocalServer,
    S3Server,
    StartFailed,
    new_nats,
    new_s3,
    wait_until,
)
from shared.bus import Message
from shared.nats_bus import connect
from shared.settings import StoreSettings
from shared.topology import topology
from tests.support.servers import NatsFixture, S3Fixture
from tests.support.sockets import listening

pytestmark = pytest.mark.servers


def client(settings: StoreSettings) -> Minio:
    return Minio(
        settings.store_url.removeprefix("http://"),
        access_key=settings.store_access_key,
        secret_key=settings.store_secret_key,
        region=settings.store_region,
        secure=False,
    )


async def test_a_killed_nats_server_comes_back_with_its_messages(nats: NatsFixture):
    first = await connect(nats.settings, "first")
    await first.ensure(topology())
    await first.publish(Message("echobase.dead.test", b"kept"))
    await first.close()
    nats.kill()
    nats.start()
    second = await connect(nats.settings, "second")
    last = await second.last("DEAD", "echobase.dead.>")
    await second.close()
    assert last is not None
    assert last.data == b"kept"


def test_an_s3_server_takes_a_write_as_soon_as_it_is_ready_and_keeps_it(
    s3_server: S3Fixture, store_settings: StoreSettings
):
    store = client(store_settings)
    store.make_bucket(store_settings.store_bucket)
    store.put_object(store_settings.store_bucket, "key", io.BytesIO(b"kept"), 4)
    s3_server.kill()
    s3_server.start()
    with store.get_object(store_settings.store_bucket, "key") as response:
        assert response.read() == b"kept"
    store.put_object(store_settings.store_bucket, "another", io.BytesIO(b"too"), 3)


def test_an_s3_server_that_died_is_there_again_for_the_next_test(
    s3_server: S3Fixture, store_settings: StoreSettings
):
    told: list[str] = []
    s3_server.see_to_it(told.append)
    assert told == []
    s3_server.kill()
    s3_server.see_to_it(told.append)
    assert len(told) == 1
    assert "exit code -9" in told[0]
    client(store_settings).make_bucket(store_settings.store_bucket)


def test_an_s3_server_on_other_ports_finds_its_objects(tmp_path: Path):
    for name in ("first", "second"):
        recipe = new_s3(tmp_path)
        server = LocalServer(recipe, tmp_path / "log")
        server.start()
        store = client(recipe.settings)
        if name == "first":
            store.make_bucket("bucket")
        store.put_object("bucket", name, io.BytesIO(name.encode()), len(name))
        with store.get_object("bucket", "first") as response:
            assert response.read() == b"first"
        server.kill()


def test_the_s3_server_writes_objects_through_to_the_disk(s3_server: S3Fixture):
    recipe = s3_server.recipe
    assert isinstance(recipe, S3Server)
    rules = f"http://127.0.0.1:{recipe.inner_ports[5]}/etc/seaweedfs/filer.conf?metadata=true"
    with urlopen(rules) as answer:
        kept = json.loads(base64.b64decode(json.load(answer)["Content"]))
    assert kept == {"locations": [{"location_prefix": "/buckets/", "fsync": True}]}


def test_the_servers_listen_on_loopback_only(nats: NatsFixture, s3_server: S3Fixture):
    for server, count in ((nats, 2), (s3_server, 10)):
        pid = server.process.pid
        assert pid is not None
        # The S3 server takes objects before its last part, the administration, listens.
        wait_until(lambda pid=pid, count=count: len(listening(pid)) == count, server.process, 30)
        sockets = listening(pid)
        assert {address for address, _ in sockets} == {"127.0.0.1"}


def test_a_server_that_cannot_start_says_why(nats: NatsFixture, tmp_path: Path):
    taken = int(nats.settings.nats_url.rpartition(":")[2])
    second = LocalServer(new_nats(tmp_path, taken), tmp_path / "log")
    with pytest.raises(StartFailed, match="address already in use"):
        second.start()
