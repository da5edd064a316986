"""`echobase webhooks`, as a person runs it."""

import asyncio
import json
from pathlib import Path
from typing import cast

import msgspec
import pytest

from services.stream.webhooks.receiver import Receiver
from shared.audit import AuditRecord
from shared.bus import Bus
from shared.s3_store import S3Store
from shared.topology import AUDIT, WEBHOOKS
from tests.support.hooks import Hook, call, hooks, put, receiver, until, verified
from tests.support.scene import ECHOBASE
from tests.support.stream import running

pytestmark = pytest.mark.servers


class Terminal:
    """Runs the command; what it printed and what it complained of."""

    def __init__(self, env: dict[str, str], folder: Path) -> None:
        self.env = {"PATH": "/usr/bin:/bin", **env}
        self.folder = folder

    async def __call__(self, *words: str, code: int = 0, **more: str) -> tuple[str, str]:
        process = await asyncio.create_subprocess_exec(
            ECHOBASE,
            "webhooks",
            *words,
            env=self.env | more,
            cwd=self.folder,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        out, err = await process.communicate()
        assert process.returncode == code, err
        return out.decode(), err.decode()


@pytest.fixture
def echobase(env: dict[str, str], tmp_path: Path) -> Terminal:
    return Terminal(env, tmp_path)


def parsed(out: str) -> dict[str, object]:
    return cast(dict[str, object], json.loads(out))


async def test_a_receiver_is_added_tried_given_a_new_secret_and_removed(
    echobase: Terminal, env: dict[str, str], bus: Bus, store: S3Store
) -> None:
    hook = Hook()
    async with hooks(hook), running(env):
        out, _ = await echobase("add", f"{hook.url}?key=k", "--source", "coun*", "--json")
        added = parsed(out)
        id, secret = str(added["id"]), str(added["secret"])
        recording = await call(bus, store)
        await call(bus, store, source="city")
        await hook.got(lambda hook: hook.recordings == {recording})
        verified(hook.posts[0], secret)

        hook.posts.clear()
        out, _ = await echobase("test", id)
        assert out.startswith("it answered 204 (")
        assert hook.posts[0].content["type"] == "test"
        verified(hook.posts[0], secret)
        hook.status = 500
        out, _ = await echobase("test", id, code=1)
        assert out.startswith("it answered 500 (")
        hook.status = 204

        out, err = await echobase("rotate", id)
        newer = out.strip()
        assert newer.startswith("whsec_")
        assert newer != secret
        assert "shown this once" in err
        hook.posts.clear()
        await echobase("test", id)
        verified(hook.posts[0], secret)
        verified(hook.posts[0], newer)
        out, _ = await echobase("rotate", id, "--finish")
        assert "whsec_" not in out

        for more in ([], ["--json"]):
            out, err = await echobase("list", *more)
            assert id in out
            assert "whsec_" not in out + err
            assert "key=k" not in out
        await echobase("remove", id)
        assert (await echobase("list"))[0] == ""
        await echobase("remove", id, code=1)
    noted = [
        msgspec.json.decode(message.data, type=AuditRecord).action
        async for batch in bus.read(AUDIT.name, list(AUDIT.subjects))
        for message in batch
    ]
    assert noted == ["webhook-added", "webhook-changed", "webhook-changed", "webhook-removed"]


@pytest.mark.parametrize(
    ("url", "allow", "said"),
    [
        ("https://127.0.0.1/", "", "127.0.0.1 is private"),
        ("https://localhost:9/x", "", "localhost is private"),
        ("https://[::ffff:10.0.0.1]/", "", "is private"),
        ("https://169.254.169.254/latest", "10.0.0.0/8", "is private"),
        ("http://192.0.2.1/", "", "is private"),
        ("http://8.8.8.8/", "", "is not reached by https"),
        ("ftp://8.8.8.8/", "", "not an address to post to"),
        ("https://user:pass@8.8.8.8/", "", "not an address to post to"),
        ("https://nowhere.invalid/", "", "is not known here"),
    ],
)
async def test_a_private_address_is_refused(
    echobase: Terminal, bus: Bus, url: str, allow: str, said: str
) -> None:
    out, err = await echobase("add", url, code=1, ECHOBASE_WEBHOOK_ALLOW=allow)
    assert out == ""
    assert said in err
    assert "pass" not in err
    assert (await echobase("list"))[0] == ""


async def test_what_waits_for_a_removed_receiver_is_dropped(
    echobase: Terminal, env: dict[str, str], bus: Bus, store: S3Store
) -> None:
    away, there = Hook(status=500), Hook()
    async with hooks(away, there):
        gone, kept = receiver(away.url), receiver(there.url)
        await put(bus, gone, kept)
        async with running(env | {"ECHOBASE_WEBHOOK_RETRIES": "1h"}):
            recording = await call(bus, store)
            await away.got(lambda hook: bool(hook.posts))
            await there.got(lambda hook: bool(hook.posts))
        out, _ = await echobase("list", "--json")
        waiting = {line["id"]: line["waiting"] for line in map(parsed, out.splitlines())}
        assert waiting == {gone.id: 1, kept.id: 0}
        assert "1 events" in (await echobase("remove", gone.id))[0]
    assert recording
    filters = list(WEBHOOKS.subjects)
    assert [m async for batch in bus.read(WEBHOOKS.name, filters) for m in batch] == []


async def test_what_is_no_type_or_filter_is_refused(echobase: Terminal, bus: Bus) -> None:
    _, err = await echobase("add", "https://8.8.8.8/", "--filter", "type=segment", code=1)
    assert "'segment' are not posted" in err
    _, err = await echobase("add", "https://8.8.8.8/", "--filter", "color=red", code=1)
    assert "no filter 'color'" in err


async def test_a_replica_learns_of_a_receiver_before_the_next_event(
    echobase: Terminal, env: dict[str, str], bus: Bus, store: S3Store
) -> None:
    """Added, and an event at once: it is not waited for, and none is missed."""
    made: list[Hook] = [Hook() for _ in range(5)]
    async with hooks(*made), running(env):
        known: list[Receiver] = []
        for hook in made:
            known.append(receiver(hook.url))
            await put(bus, known[-1])
            recording = await call(bus, store)
            await until(lambda hook=hook, recording=recording: recording in hook.recordings)
