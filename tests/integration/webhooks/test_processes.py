"""Stream services as processes: two at once, and killed with -9 in the middle of it."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest

from deploy.local.ports import free_ports
from deploy.local.process import Process
from shared.bus import Bus
from shared.s3_store import S3Store
from tests.support.hooks import Hook, Post, call, hooks, put, receiver
from tests.support.stream import process, until

pytestmark = pytest.mark.servers


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
