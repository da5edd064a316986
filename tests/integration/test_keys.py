"""Keys over real NATS and real services: made, rotated, revoked, and kept while NATS is away."""

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest

from shared.access import Access, access
from shared.api_key import KeyRecord
from shared.audit import AuditRecord
from shared.bus import Bus
from shared.key_keeper import KEY
from shared.key_value import KeyValue
from shared.keys import Limit
from shared.nats_bus import NatsBus, connect
from shared.nats_link import Link
from shared.settings import AccessSettings, NatsSettings, SiteSettings
from shared.topology import AUDIT, KEYS, topology
from tests.support.access import made
from tests.support.servers import NatsFixture
from tests.support.stack import command
from tests.support.stream import DEADLINE

pytestmark = pytest.mark.servers


@pytest.fixture
async def bus(nats: NatsFixture) -> AsyncIterator[Bus]:
    """A connection of the test's own, with every stream there."""
    bus = await connect(nats.settings, "test")
    await bus.ensure(topology())
    yield bus
    await bus.close()


class Replica:
    """What a service knows of keys, without the service."""

    def __init__(
        self, nats: NatsSettings, folder: Path, name: str = "stream", key: str = ""
    ) -> None:
        self._link = Link(nats, name)
        self._bus = NatsBus(self._link)
        site = SiteSettings(api_key=key, data=folder)
        makes = name == "stream"
        self.access: Access = access(name, site, AccessSettings(), self._bus, makes_secret=makes)
        self._tasks: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> "Replica":
        self._tasks = [asyncio.create_task(self._link.open())]
        self._tasks.append(asyncio.create_task(self.access.run()))
        await self.access.prepare()
        return self

    async def __aexit__(self, *_: object) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._bus.close()

    def takes(self, key: str) -> bool:
        """Whether a key counts."""
        ring = self.access.ring
        return ring.keys.of_key(key, ring.now()) is not None


async def until(holds: Callable[[], bool] | Callable[[], Awaitable[bool]]) -> None:
    """Wait until it holds."""
    async with asyncio.timeout(DEADLINE):
        while True:
            found = holds()
            if found if isinstance(found, bool) else await found:
                return
            await asyncio.sleep(0.01)


async def put(bus: Bus, record: KeyRecord) -> None:
    """As the command does."""
    await KeyValue(bus, KEYS).put(f"{KEY}{record.id}", msgspec.json.encode(record))


def revoked(record: KeyRecord) -> KeyRecord:
    return msgspec.structs.replace(record, revoked=datetime.now(UTC))


async def test_a_key_is_known_everywhere_and_a_revoked_one_nowhere(
    nats: NatsFixture, bus: Bus, tmp_path: Path
) -> None:
    (old, first), (new, second) = made("read", id="1"), made("read", id="2")
    async with (
        Replica(nats.settings, tmp_path) as stream,
        Replica(nats.settings, tmp_path, "ingest") as ingest,
    ):
        assert not stream.access.ring.keys.locked
        await put(bus, first)
        await until(lambda: stream.takes(old) and ingest.takes(old))
        await put(bus, second)
        await until(lambda: stream.takes(new) and ingest.takes(new))
        assert stream.takes(old)
        await put(bus, revoked(first))
        await until(lambda: not stream.takes(old) and not ingest.takes(old))
        assert stream.takes(new)
        assert ingest.takes(new)


async def test_what_is_known_outlives_a_restart_without_nats(
    nats: NatsFixture, bus: Bus, tmp_path: Path
) -> None:
    (good, first), (bad, second) = made("read", id="1"), made("read", id="2")
    async with Replica(nats.settings, tmp_path) as stream:
        await put(bus, first)
        await put(bus, revoked(second))
        await until(lambda: stream.takes(good) and bool(stream.access.ring.keys.secret))
        ring = stream.access.ring
        behind = ring.keys.of_key(good, ring.now())
        assert behind
        token, session = ring.keys.begin_session(behind, 600, ring.now())
        over, begun = ring.keys.begin_session(behind, 600, ring.now())
        nats.kill()
        await stream.access.keeper.sign_out(begun)
        assert ring.keys.of_session(over, ring.now()) is None
    kept = (tmp_path / "keys.stream.json").read_text()
    assert good not in kept
    assert (tmp_path / "keys.stream.json").stat().st_mode & 0o077 == 0
    async with Replica(nats.settings, tmp_path) as stream:
        ring = stream.access.ring
        assert stream.takes(good)
        assert not stream.takes(bad)
        assert ring.keys.of_session(token, ring.now()) == session
        assert ring.keys.of_session(over, ring.now()) is None
        nats.start()
        # What was signed out of while NATS was away, the other replicas learn afterwards.
        async with Replica(nats.settings, tmp_path / "other") as other:
            there = other.access.ring
            await until(lambda: bool(there.keys.secret and there.keys.signed_out))
            assert there.keys.of_session(over, there.now()) is None
            assert there.keys.of_session(token, there.now()) == session


async def test_a_revocation_while_a_replica_is_cut_off_counts_when_it_is_back(
    nats: NatsFixture, bus: Bus, tmp_path: Path
) -> None:
    key, record = made("read")
    async with Replica(nats.settings, tmp_path) as stream:
        await put(bus, record)
        await until(lambda: stream.takes(key))
    await put(bus, revoked(record))
    async with Replica(nats.settings, tmp_path) as stream:
        await until(lambda: not stream.takes(key))


async def test_every_replica_signs_alike(nats: NatsFixture, bus: Bus, tmp_path: Path) -> None:
    folders = [tmp_path / str(n) for n in range(3)]
    async with AsyncExitStack() as stack:
        found = [await stack.enter_async_context(Replica(nats.settings, f)) for f in folders]
        rings = [replica.access.ring for replica in found]
        await until(lambda: all(ring.keys.secret for ring in rings))
        assert len({ring.keys.secret for ring in rings}) == 1


async def test_who_loses_the_bucket_has_not_unlocked_the_system(
    nats: NatsFixture, bus: Bus, tmp_path: Path
) -> None:
    (old, first), (new, second) = made("read", id="1"), made("read", id="2")
    async with Replica(nats.settings, tmp_path) as stream:
        await put(bus, first)
        await until(lambda: stream.takes(old))
        link = Link(nats.settings, "operator")
        await link.open()
        await link.request(f"$JS.API.STREAM.DELETE.{KEYS.name}")
        await link.close()
        await bus.ensure(topology())
        # It is followed anew: the secret is put back.
        bucket = KeyValue(bus, KEYS)

        async def restored() -> bool:
            return await bucket.get("signing") is not None

        await until(restored)
        assert stream.takes(old)
        assert stream.access.ring.keys.locked
        await put(bus, second)
        await until(lambda: stream.takes(new))
        assert not stream.takes(old)


@pytest.mark.parametrize("content", [b"", b"{", b'{"records": [{"id": "1"}]}', b'{"secret": "x"}'])
async def test_a_damaged_file_locks_the_system_until_nats_answers(
    nats: NatsFixture, bus: Bus, tmp_path: Path, content: bytes
) -> None:
    key, record = made("read")
    (tmp_path / "keys.stream.json").write_bytes(content)
    nats.kill()
    async with Replica(nats.settings, tmp_path) as stream:
        assert stream.access.ring.keys.locked
        nats.start()
        await until(bus.ready)
        await put(bus, record)
        await until(lambda: stream.takes(key))


async def test_a_key_that_a_later_release_made_locks_and_does_not_count(
    nats: NatsFixture, bus: Bus, tmp_path: Path
) -> None:
    key, record = made("read")
    strange = msgspec.json.encode(record).replace(b'"read"', b'"fly"')
    async with Replica(nats.settings, tmp_path) as stream:
        await KeyValue(bus, KEYS).put(f"{KEY}{record.id}", strange)
        await until(lambda: stream.access.ring.keys.locked)
        assert not stream.takes(key)


# --- the command ---


def environment(nats: NatsFixture, tmp_path: Path) -> dict[str, str]:
    return {
        **os.environ,
        "ECHOBASE_NATS_URL": nats.settings.nats_url,
        "ECHOBASE_NATS_USER": nats.settings.nats_user,
        "ECHOBASE_NATS_PASSWORD": nats.settings.nats_password,
        "ECHOBASE_DATA": str(tmp_path / "commands"),
    }


async def test_the_command_makes_lists_and_revokes(
    nats: NatsFixture, bus: Bus, tmp_path: Path
) -> None:
    env = environment(nats, tmp_path)

    async def keys(*arguments: str) -> tuple[int, str, str]:
        done = await asyncio.to_thread(command, "keys", *arguments, env=env, folder=tmp_path)
        return done.returncode, done.stdout, done.stderr

    async with Replica(nats.settings, tmp_path) as stream:
        wanted = ("--scope", "read", "--limit", "county", "fire*", "--expires", "90d")
        code, output, told = await keys("add", "the scanner", *wanted)
        key = output.strip()
        assert (code, key[:4]) == (0, "ebk_"), told
        await until(lambda: stream.takes(key))
        [record] = stream.access.ring.keys.records.values()
        assert record.limits == (Limit(source="county", channel="fire*"),)
        assert record.expires
        assert timedelta(days=89) < record.expires - datetime.now(UTC) < timedelta(days=91)
        code, listed, _ = await keys("list")
        assert code == 0
        assert key not in listed
        assert record.sha256 not in listed
        assert all(word in listed for word in (record.id, "active", "county/fire*", "the scanner"))
        assert (await keys("revoke", "00000000"))[0] == 1
        assert (await keys("revoke", record.id))[0] == 0
        await until(lambda: not stream.takes(key))
        code, listed, _ = await keys("list", "--json")
        found = msgspec.json.decode(listed, type=dict[str, object])
        assert (found["state"], found["name"]) == ("revoked", "the scanner")
        assert "sha256" not in found
    noted = [
        msgspec.json.decode(message.data, type=AuditRecord)
        async for batch in bus.read(AUDIT.name, [">"])
        for message in batch
    ]
    assert [(each.action, each.about["id"]) for each in noted] == [
        ("key-added", record.id),
        ("key-revoked", record.id),
    ]
    assert key not in str(noted)


async def test_bad_wishes_are_refused(nats: NatsFixture, bus: Bus, tmp_path: Path) -> None:
    env = environment(nats, tmp_path)
    for arguments in (
        ("x",),
        ("x", "--scope", "fly"),
        ("x", "--scope", "read", "--expires", "soon"),
        ("x", "--scope", "read", "--limit", "", "*"),
        ("", "--scope", "read"),
    ):
        done = await asyncio.to_thread(command, "keys", "add", *arguments, env=env, folder=tmp_path)
        assert done.returncode == 2, (arguments, done.stdout)
        assert done.stdout == ""
