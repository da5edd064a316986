"""Events posted to real receivers, over real NATS and a real store, by the service."""

import asyncio
import json
import re
from datetime import UTC, datetime

import pytest
from standardwebhooks.webhooks import WebhookVerificationError

from services.ingest.dead_letters import read_letter
from services.ingest.dead_replay import replay
from services.stream.webhooks.receiver import new_secret
from shared import object_keys
from shared.bus import Bus
from shared.envelope import DEAD_CODE, DEAD_REASON, ID, percent_decode
from shared.erasure import Tombstone, bury
from shared.key_value import KeyValue
from shared.s3_store import S3Store
from shared.topology import DEAD, EVENTS, RECEIVERS, WEBHOOKS
from tests.support.calls import Call
from tests.support.hooks import Hook, call, hooks, put, receiver, verified
from tests.support.stream import running

pytestmark = pytest.mark.servers


async def test_what_came_of_a_version_is_posted_and_signed(
    env: dict[str, str], bus: Bus, store: S3Store
) -> None:
    hook, failing = Hook(), Hook()
    async with hooks(hook, failing):
        wanted = receiver(hook.url + "?token=t1", secrets=2)
        await put(bus, wanted, receiver(failing.url, ("type", "failed")))
        async with running(env | {"ECHOBASE_PUBLIC_URL": "https://radio.example"}):
            recording = await call(bus, store, text="Engine 7, Birch Street")
            lost = Call(bus, "county", "fire")
            await lost.queued()
            await lost.failed("no audio")
            await hook.got(lambda hook: hook.recordings == {recording, lost.recording})
            await failing.got(lambda hook: bool(hook.posts))
    [post] = [each for each in hook.posts if each.recording == recording]
    for secret in wanted.secrets:
        verified(post, secret)
    with pytest.raises(WebhookVerificationError):
        verified(post, new_secret())
    event = await bus.last(EVENTS.name, f"echobase.events.*.*.{recording}.1.completed")
    assert event
    assert post.id == event.headers[ID]
    assert post.request == "POST /hook?token=t1 HTTP/1.1"
    assert post.headers["content-type"] == "application/json"
    assert re.match(r"EchoBase/\d", post.headers["user-agent"])
    assert not {"cookie", "authorization", "x-api-key"} & post.headers.keys()
    assert post.headers["host"] == f"127.0.0.1:{hook.port}"
    said = json.loads(event.data)
    root = f"https://radio.example/v1/recordings/{recording}"
    assert post.content == {
        "type": "completed",
        "timestamp": said["time"],
        "data": {
            **{name: said[name] for name in said if name not in ("type", "transcript")},
            "text": "Engine 7, Birch Street",
            "links": {
                "recording": root,
                "audio": f"{root}/audio",
                "transcript": f"{root}/transcript.json?version=1",
            },
        },
    }
    [failure] = failing.posts
    assert (failure.content["type"], failure.data["reason"]) == ("failed", "no audio")
    assert "text" not in failure.data


async def test_a_receiver_gets_what_its_filters_want(
    env: dict[str, str], bus: Bus, store: S3Store
) -> None:
    patterns, named, all_of_it = Hook(), Hook(), Hook()
    async with hooks(patterns, named, all_of_it):
        await put(
            bus,
            receiver(patterns.url, ("source", "coun*"), ("channel", "fire / *")),
            receiver(named.url, ("source", "city"), ("channel", "fire / west")),
            receiver(all_of_it.url),
        )
        async with running(env):
            ours = await call(bus, store, source="county")
            theirs = await call(bus, store, source="city")
            await all_of_it.got(lambda hook: hook.recordings == {ours, theirs})
            await patterns.got(lambda hook: bool(hook.posts))
            await named.got(lambda hook: bool(hook.posts))
    assert patterns.recordings == {ours}
    assert named.recordings == {theirs}


async def test_dead_and_slow_receivers_delay_nobody_and_cost_the_others_no_second_post(
    env: dict[str, str], bus: Bus, store: S3Store
) -> None:
    healthy, dead, slow, refusing = Hook(), Hook(), Hook(pause=60), Hook(status=500)
    async with hooks(healthy, slow, refusing):
        await dead.start()
        await dead.stop()
        await put(bus, *(receiver(hook.url) for hook in (dead, slow, refusing, healthy)))
        # Waits that are longer than the test: what is retried must not be what arrives.
        more = {"ECHOBASE_WEBHOOK_RETRIES": "1h", "ECHOBASE_WEBHOOK_TIMEOUT": "20"}
        async with running(env | more | {"ECHOBASE_GRACE": "4"}):
            sent = [await call(bus, store) for _ in range(20)]
            await healthy.got(lambda hook: hook.recordings == set(sent))
            await refusing.got(lambda hook: hook.recordings == set(sent))
            # The slow one has not answered a single one yet.
            assert slow.posts
            assert len(slow.posts) < len(sent)
    assert set(healthy.counted().values()) == {1}
    assert set(refusing.counted().values()) == {1}


async def test_a_receiver_that_was_down_gets_all_of_it_under_the_same_ids(
    env: dict[str, str], bus: Bus, store: S3Store
) -> None:
    hook = Hook(answer=lambda _: 503)
    async with hooks(hook):
        await put(bus, receiver(hook.url))
        more = {"ECHOBASE_WEBHOOK_RETRIES": ",".join(["0.2s"] * 100)}
        async with running(env | more):
            sent = {await call(bus, store) for _ in range(3)}
            await hook.got(lambda hook: all(hook.counted()[each] > 1 for each in sent))
            await hook.stop()
            later = {await call(bus, store) for _ in range(3)}
            before = {post.recording: post.id for post in hook.posts}
            hook.posts.clear()
            hook.answer = None
            await hook.start()
            await hook.got(lambda hook: hook.recordings == sent | later)
            await until_empty(bus)
    assert all(post.id == before.get(post.recording, post.id) for post in hook.posts)
    assert set(hook.counted().values()) == {1}


async def test_at_the_end_of_the_schedule_it_is_a_dead_letter_that_is_replayed_under_its_id(
    env: dict[str, str], bus: Bus, store: S3Store
) -> None:
    hook = Hook(status=500)
    async with hooks(hook):
        wanted = receiver(hook.url)
        await put(bus, wanted)
        async with running(env | {"ECHOBASE_WEBHOOK_RETRIES": "0.1s,0.1s"}):
            recording = await call(bus, store)
            letter = None
            while letter is None:
                letter = await bus.last(DEAD.name, "echobase.dead.stream")
                await asyncio.sleep(0.02)
            assert len(hook.posts) == 3
            assert letter.headers[DEAD_CODE] == "webhook-failed"
            why = percent_decode(letter.headers[DEAD_REASON])
            assert why == "3 attempts failed; at the last it answered 500"
            await until_empty(bus)
            hook.status = 200
            assert await replay(bus, read_letter(letter)) == "replayed"
            await hook.got(lambda hook: len(hook.posts) == 4)
            await until_empty(bus)
    assert {(post.id, post.recording) for post in hook.posts} == {(hook.posts[0].id, recording)}


async def test_gone_switches_a_receiver_off_until_it_is_switched_on(
    env: dict[str, str], bus: Bus, store: S3Store
) -> None:
    gone, healthy = Hook(status=410), Hook()
    async with hooks(gone, healthy):
        wanted = receiver(gone.url)
        await put(bus, wanted, receiver(healthy.url))
        async with running(env):
            first = await call(bus, store)
            bucket = KeyValue(bus, RECEIVERS)
            found = await bucket.get(wanted.id)
            while found is None or b"it answered 410" not in found.data:
                await asyncio.sleep(0.02)
                found = await bucket.get(wanted.id)
            assert wanted.secrets[0].encode() in found.data
            second = await call(bus, store)
            await healthy.got(lambda hook: hook.recordings == {first, second})
            gone.status = 204
            gone.posts.clear()
            await put(bus, wanted)
            # What waited when it was switched off is posted; what came meanwhile is not.
            await gone.got(lambda hook: bool(hook.posts))
            await until_empty(bus)
    assert gone.recordings == {first}


async def test_nothing_of_an_erased_recording_is_posted(
    env: dict[str, str], bus: Bus, store: S3Store
) -> None:
    hook = Hook()
    async with hooks(hook):
        await put(bus, receiver(hook.url))
        erased = Call(bus, "county", "fire")
        await erased.whole("secret words")
        stone = Tombstone(recording=erased.recording, time=datetime.now(UTC), reason="request")
        await bury(store, stone)
        async with running(env):
            kept = await call(bus, store)
            await hook.got(lambda hook: bool(hook.posts))
            await until_empty(bus)
    assert hook.recordings == {kept}


async def test_the_text_is_left_out_where_there_is_none_or_it_is_too_long(
    env: dict[str, str], bus: Bus, store: S3Store
) -> None:
    hook = Hook()
    async with hooks(hook):
        await put(bus, receiver(hook.url))
        async with running(env):
            long = await call(bus, store, text="ä" * 140_000)
            missing = Call(bus, "county", "fire")
            await missing.whole()
            assert await store.stat(object_keys.transcript(missing.recording, 1)) is None
            await hook.got(lambda hook: hook.recordings == {long, missing.recording})
    assert [post.data["text"] for post in hook.posts] == [None, None]


async def test_redirects_are_not_followed_and_cookies_not_kept(
    env: dict[str, str], bus: Bus, store: S3Store
) -> None:
    elsewhere = Hook()
    async with hooks(elsewhere):
        hook = Hook(status=307, more=f"set-cookie: a=b\r\nlocation: {elsewhere.url}\r\n")
        async with hooks(hook):
            await put(bus, receiver(hook.url))
            async with running(env):
                await call(bus, store)
                await hook.got(lambda hook: len(hook.posts) > 1)
    assert elsewhere.posts == []
    assert all("cookie" not in post.headers for post in hook.posts)


async def until_empty(bus: Bus) -> None:
    """Wait until nothing waits to be posted."""
    empty = False
    while not empty:
        await asyncio.sleep(0.05)
        filters = list(WEBHOOKS.subjects)
        empty = not [m async for batch in bus.read(WEBHOOKS.name, filters) for m in batch]
