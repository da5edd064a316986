"""Stream services as processes: two at once, and killed with -9 in the middle of it."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest

from deploy.local.ports import free_ports
from deploy.local.process import Process
from shared.bus import Bus
from shared.key_value import KeyValue
from shared.s3_store import S3Store
from shared.settings import StoreSettings
from shared.topology import DEAD, RECEIVERS
from tests.support.hooks import QUICK, Hook, Post, call, hooks, put, receiver
from tests.support.nats_buses import opened
from tests.support.nats_users import NatsWithUsers
from tests.support.otlp import Receiver as Collector
from tests.support.otlp import attributes
from tests.support.stream import environment_of, process, until

pytestmark = pytest.mark.servers


METRICS = "echobase.stream.webhooks"


class Replica:
    """One stream service."""

    def __init__(self, env: dict[str, str], folder: Path) -> None:
        [self.port] = free_ports(1)
        self.log = folder / "stream.log"
        self.process: Process = process({**env, "ECHOBASE_STREAM_PORT": str(self.port)}, self.log)

    async def ready(self) -> None:
        """Wait until it works."""

        async def live() -> bool:
            async with httpx.AsyncClient() as http:
                try:
                    found = await http.get(f"http://127.0.0.1:{self.port}/health/ready")
                except httpx.TransportError:
                    return False
            return bool(found.json()["checks"]["bus"]["status"] == "ok")

        await until(live)


@asynccontextmanager
async def replicas(env: dict[str, str], *folders: Path) -> AsyncGenerator[list[Replica]]:
    made = [Replica(env, folder) for folder in folders]
    try:
        for each in made:
            each.process.start()
        for each in made:
            await each.ready()
        yield made
    finally:
        for each in made:
            each.process.kill()


async def test_two_replicas_post_each_event_once_and_log_no_secret(
    env: dict[str, str], bus: Bus, store: S3Store, tmp_path: Path
) -> None:
    first, second, failing = Hook(), Hook(), Hook(status=500)
    async with hooks(first, second, failing):
        receivers = [receiver(hook.url) for hook in (first, second)]
        receivers.append(receiver(f"{failing.url}?token=hush"))
        await put(bus, *receivers)
        log = {"ECHOBASE_LOG_LEVEL": "debug"}
        async with replicas(env | log, tmp_path / "a", tmp_path / "b") as made:
            sent = [await call(bus, store) for _ in range(30)]
            for hook in (first, second, failing):
                await hook.got(lambda hook: hook.recordings >= set(sent))
            logs = "".join(each.log.read_text() for each in made)
    assert set(first.counted().values()) == set(second.counted().values()) == {1}
    assert "a post failed" in logs
    assert "it answered 500" in logs
    secrets = [secret for each in receivers for secret in each.secrets]
    assert not [each for each in (*secrets, "whsec_", "hush", "v1,") if each in logs]
    kept = tmp_path / "a" / "webhooks.json"
    assert kept.stat().st_mode & 0o077 == 0


async def test_killed_at_any_moment_none_is_lost_and_a_repetition_has_its_id(
    env: dict[str, str], bus: Bus, store: S3Store, tmp_path: Path
) -> None:
    """Killed while it posts: what was under way is posted again, by whoever comes next."""
    made: list[Replica] = []
    killed = 0

    def kill(_: Post) -> int:
        nonlocal killed
        if killed < 3 and len(hook.posts) % 5 == 0:
            killed += 1
            made[0].process.kill()  # before it has the answer
        return 200

    hook = Hook(answer=kill)
    async with hooks(hook):
        await put(bus, receiver(hook.url))
        async with replicas(env, tmp_path / "a") as made:
            sent: list[str] = []
            while killed < 3:
                sent.append(await call(bus, store))
                if not made[0].process.alive:
                    made[0].process.start()
            sent.append(await call(bus, store))
            if not made[0].process.alive:
                made[0].process.start()
            await hook.got(lambda hook: hook.recordings == set(sent))
    ids = {(post.recording, post.id) for post in hook.posts}
    assert len(ids) == len(sent)
    # The kills did hit posts: some came twice.
    assert len(hook.posts) > len(sent)


async def test_it_needs_no_more_than_its_rights_and_says_what_it_does(
    store_settings: StoreSettings, store: S3Store, tmp_path: Path
) -> None:
    """As the user of NATS that a site gives it: posts, retries, dead letters, switching off."""
    server = NatsWithUsers(tmp_path)
    server.start()
    well, failing, gone = Hook(), Hook(status=500), Hook(status=410)
    try:
        with Collector() as collector:
            env = environment_of(server.settings("stream"), store_settings) | QUICK
            env |= {
                "ECHOBASE_WEBHOOK_RETRIES": "0.1s",
                "ECHOBASE_OTLP_ENDPOINT": collector.endpoint,
                "OTEL_METRIC_EXPORT_INTERVAL": "200",
            }
            async with (
                hooks(well, failing, gone),
                opened(server.settings("admin")) as bus,
                replicas(env, tmp_path / "a"),
            ):
                receivers = [receiver(hook.url) for hook in (well, failing, gone)]
                await put(bus, *receivers)
                await call(bus, store)
                await well.got(lambda hook: bool(hook.posts))

                async def settled() -> bool:
                    switched = await KeyValue(bus, RECEIVERS).get(receivers[2].id)
                    letter = await bus.last(DEAD.name, "echobase.dead.stream")
                    return letter is not None and b'"ended"' in (switched or (b"",))[0]

                await until(settled)
                told = {"posts", "duration", "pending", "dead"}

                async def measured() -> bool:
                    found = {metric.name for metric in collector.metrics()}
                    return found >= {f"{METRICS}.{name}" for name in told}

                await until(measured)
    finally:
        server.kill()
    outcomes = {
        (point["echobase.webhook"], point["outcome"])
        for metric in collector.metrics()
        if metric.name == f"{METRICS}.posts"
        for point in (attributes(each.attributes) for each in metric.sum.data_points)
    }
    expected = zip(receivers, ("delivered", "failed", "gone"), strict=True)
    assert outcomes == {(each.id, outcome) for each, outcome in expected}
    assert "Violation" not in (tmp_path / "nats.log").read_text()
