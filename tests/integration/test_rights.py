"""What each user of NATS may do, and what a real nats-server refuses it."""

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from shared.bus import Fence, Message
from shared.nats_bus import NatsBus
from shared.rights import USER_NAMES, UserName, inbox_prefix, users
from shared.subjects import dead, event, job, submission, version_events, webhook
from shared.topology import EVENTS, JOBS, SUBMIT, lane_consumer, outcomes, submissions, topology
from tests.support.nats_buses import managed, opened, until
from tests.support.nats_users import NatsWithUsers, UserClient

pytestmark = pytest.mark.servers

_ACK = "$JS.ACK.{}.{}.1.2.3.4.5"
MAY_PUBLISH: dict[UserName, list[str]] = {
    "ingest": [
        "$JS.API.INFO",
        event("county", "fire", "r", 1, "queued"),
        event("county", "fire", "r", 0, "refused"),
        event("county", "fire", "r", 0, "deleted"),
        "$JS.API.STREAM.MSG.DELETE.EVENTS",
        "$JS.API.STREAM.MSG.DELETE.JOBS",
        "$JS.API.STREAM.MSG.DELETE.WEBHOOKS",
        job("urgent"),
        dead("ingest"),
        "$JS.API.STREAM.CREATE.JOBS",
        "$KV.echobase-channels.county.fire",
        "$JS.API.CONSUMER.MSG.NEXT.SUBMIT.ingest",
        "$JS.API.STREAM.MSG.GET.EVENTS",
        _ACK.format("SUBMIT", "ingest"),
    ],
    "transcriber": [
        event("county", "fire", "r", 1, "segment"),
        event("county", "fire", "r", 1, "completed"),
        dead("transcriber"),
        "$JS.API.CONSUMER.MSG.NEXT.JOBS.transcriber-live",
        "$JS.API.DIRECT.GET.EVENTS",
        _ACK.format("JOBS", "transcriber-urgent"),
    ],
    "stream": [
        event("county", "fire", "r", 2, "corrected"),
        "$JS.API.CONSUMER.CREATE.EVENTS.follow-1",
        "$JS.API.CONSUMER.DELETE.EVENTS.follow-1",
        "$JS.API.CONSUMER.MSG.NEXT.EVENTS.follow-1",
        "$JS.API.CONSUMER.INFO.JOBS.transcriber-live",
        "$JS.API.DIRECT.GET.EVENTS",
        "$SRV.PING.transcriber",
        "$JS.API.CONSUMER.MSG.NEXT.EVENTS.webhooks",
        _ACK.format("EVENTS", "webhooks"),
        webhook("0a1b2c3d"),
        "$JS.API.CONSUMER.MSG.NEXT.WEBHOOKS.webhook-0a1b2c3d",
        _ACK.format("WEBHOOKS", "webhook-0a1b2c3d"),
        "$KV.echobase-webhooks.0a1b2c3d",
        dead("stream"),
    ],
    "admin": ["$JS.API.STREAM.DELETE.EVENTS", job("live"), "anything"],
    "publisher": [
        submission("county", "fire"),
        "$JS.API.CONSUMER.CREATE.EVENTS.mine.echobase.events.county.>",
        "$JS.API.STREAM.NAMES",
    ],
    "subscriber": [
        "$JS.API.CONSUMER.DURABLE.CREATE.EVENTS.mine",
        "$JS.API.CONSUMER.MSG.NEXT.EVENTS.mine",
        _ACK.format("EVENTS", "mine"),
    ],
}
# Webhooks: what others may do with consumers of their own, they may not with this one.
THE_DURABLE = [
    "$JS.API.CONSUMER.INFO.EVENTS.webhooks",
    "$JS.API.CONSUMER.CREATE.EVENTS.webhooks",
    "$JS.API.CONSUMER.CREATE.EVENTS.webhooks.echobase.events.>",
    "$JS.API.CONSUMER.DURABLE.CREATE.EVENTS.webhooks",
    "$JS.API.CONSUMER.DELETE.EVENTS.webhooks",
    "$JS.API.CONSUMER.MSG.NEXT.EVENTS.webhooks",
    _ACK.format("EVENTS", "webhooks"),
]
ONLY_STREAM = [
    webhook("0a1b2c3d"),
    "$KV.echobase-webhooks.0a1b2c3d",
    "$JS.API.DIRECT.GET.KV_echobase-webhooks",
    "$JS.API.STREAM.MSG.GET.KV_echobase-webhooks",
    "$JS.API.CONSUMER.CREATE.KV_echobase-webhooks.mine",
    "$JS.API.CONSUMER.MSG.NEXT.WEBHOOKS.webhook-0a1b2c3d",
]
# For everybody but the admin.
NOBODY_PUBLISHES = [
    "$JS.API.STREAM.DELETE.EVENTS",
    "$JS.API.STREAM.PURGE.JOBS",
    "$JS.API.STREAM.SNAPSHOT.EVENTS",
    "$JS.API.CONSUMER.DELETE.JOBS.transcriber-live",
    "$JS.API.STREAM.CREATE.OTHER",
    "$JS.API.CONSUMER.CREATE.JOBS.mine",
    "$JS.API.CONSUMER.CREATE.DEAD.mine",
    "$JS.API.ACCOUNT.PURGE.$G",
    "$SYS.REQ.SERVER.PING",
    "echobase.jobs.no-lane",
    "echobase.jobs",
    event("county", "fire", "r", 1, "corrects"),
    "_INBOX.ingest.1",
    "_INBOX.1",
    "anything",
]
MAY_NOT_PUBLISH: dict[UserName, list[str]] = {
    "ingest": [
        event("county", "fire", "r", 1, "segment"),
        event("county", "fire", "r", 1, "completed"),
        event("county", "fire", "r", 2, "corrected"),
        dead("transcriber"),
        submission("county", "fire"),
        "$JS.API.CONSUMER.MSG.NEXT.JOBS.transcriber-live",
        "$JS.API.CONSUMER.CREATE.JOBS.mine",
        _ACK.format("JOBS", "transcriber-live"),
        *ONLY_STREAM,
    ],
    "transcriber": [
        *JOBS.subjects,
        *ONLY_STREAM,
        event("county", "fire", "r", 2, "corrected"),
        event("county", "fire", "r", 0, "refused"),
        "$JS.API.STREAM.MSG.GET.JOBS",
        "$KV.echobase-channels.county.fire",
        event("county", "fire", "r", 0, "deleted"),
        "$JS.API.STREAM.MSG.DELETE.EVENTS",
        dead("ingest"),
        submission("county", "fire"),
        "$JS.API.CONSUMER.MSG.NEXT.SUBMIT.ingest",
        _ACK.format("SUBMIT", "ingest"),
    ],
    "stream": [
        *JOBS.subjects,
        event("county", "fire", "r", 1, "queued"),
        dead("ingest"),
        "$KV.echobase-keys.key.1",
        "$KV.echobase-channels.county.fire",
        "$JS.API.STREAM.MSG.GET.JOBS",
        submission("county", "fire"),
        "$JS.API.CONSUMER.MSG.NEXT.JOBS.transcriber-live",
        _ACK.format("JOBS", "transcriber-live"),
        "$JS.API.CONSUMER.CREATE.SUBMIT.mine",
    ],
    "publisher": [
        *JOBS.subjects,
        *THE_DURABLE,
        *ONLY_STREAM,
        event("county", "fire", "r", 1, "queued"),
        dead("publisher"),
        "echobase.submit.county",
        "echobase.submit.county.fire.more",
        "$JS.API.CONSUMER.MSG.NEXT.SUBMIT.ingest",
        "$JS.API.STREAM.UPDATE.SUBMIT",
        "$JS.API.STREAM.UPDATE.EVENTS",
        "$SRV.PING",
    ],
    "subscriber": [
        *JOBS.subjects,
        *THE_DURABLE,
        *ONLY_STREAM,
        event("county", "fire", "r", 1, "queued"),
        submission("county", "fire"),
        "$JS.API.STREAM.MSG.GET.JOBS",
        "$JS.API.STREAM.CREATE.EVENTS",
        "$JS.API.STREAM.UPDATE.EVENTS",
        "$JS.API.CONSUMER.CREATE.SUBMIT.mine",
        "$SRV.PING",
    ],
}
MAY_SUBSCRIBE: dict[UserName, list[str]] = {
    "transcriber": ["$SRV.PING", "$SRV.PING.transcriber", "$SRV.INFO.transcriber.id"],
    "admin": [">"],
    "publisher": ["echobase.events.>"],
    "subscriber": ["echobase.events.county.fire.>"],
}
NOBODY_SUBSCRIBES = [
    ">",
    "echobase.>",
    "echobase.jobs.live",
    "echobase.submit.>",
    "echobase.dead.>",
    "_INBOX.>",
    "_INBOX.*",
    "$JS.>",
    "$SRV.PING.stream",
]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NatsWithUsers]:
    found = NatsWithUsers(tmp_path_factory.mktemp("nats"))
    found.start()
    yield found
    found.kill()


def test_the_users_are_those_that_are_named() -> None:
    assert tuple(user.name for user in users()) == USER_NAMES


@pytest.mark.parametrize("name", USER_NAMES)
async def test_a_user_may_publish_what_it_needs_and_nothing_else(
    server: NatsWithUsers, name: UserName
) -> None:
    bounded = [] if name == "admin" else NOBODY_PUBLISHES + MAY_NOT_PUBLISH[name]
    async with server.client(name) as client:
        refused = [each for each in MAY_PUBLISH[name] if not await client.may_publish(each)]
        taken = [each for each in bounded if await client.may_publish(each)]
    assert (refused, taken) == ([], [])


@pytest.mark.parametrize("name", USER_NAMES)
async def test_a_user_hears_what_is_meant_for_it_and_nothing_else(
    server: NatsWithUsers, name: UserName
) -> None:
    others = [f"{inbox_prefix(other)}.>" for other in USER_NAMES if other != name]
    mine = [f"{inbox_prefix(name)}.1.2", *MAY_SUBSCRIBE.get(name, [])]
    bounded = [] if name == "admin" else NOBODY_SUBSCRIBES + others
    async with server.client(name) as client:
        refused = [each for each in mine if not await client.may_subscribe(each)]
        heard = [each for each in bounded if await client.may_subscribe(each)]
    assert (refused, heard) == ([], [])


async def test_nobody_else_logs_in(server: NatsWithUsers) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", server.recipe.port)
    writer.write(b'CONNECT {"user": "stranger", "pass": "x"}\r\nPING\r\n')
    assert b"Authorization Violation" in await reader.read()
    writer.close()


@pytest.mark.parametrize("name", ["ingest", "transcriber", "stream"])
async def test_whoever_starts_first_makes_what_is_missing(tmp_path: Path, name: UserName) -> None:
    fresh = NatsWithUsers(tmp_path)
    fresh.start()
    try:
        async with opened(fresh.settings(name)) as bus:
            await bus.ensure(topology())
            # What differs is updated.
            await bus.ensure(topology(ack_wait=60))
            assert await bus.ready()
    finally:
        fresh.kill()


async def test_nobody_changes_the_consumer_of_webhooks_by_a_name_in_the_body(
    tmp_path: Path,
) -> None:
    """One of the subjects by which a consumer is made names none: everybody has the right to it."""
    mine: dict[str, str] = {"ack_policy": "explicit", "filter_subject": "echobase.events.a.>"}
    named = {"name": "webhooks", **mine}
    start = {"deliver_policy": "by_start_time", "opt_start_time": "1971-02-03T04:05:06Z"}
    fresh = NatsWithUsers(tmp_path)
    fresh.start()
    try:
        async with (
            opened(fresh.settings("stream")) as stream,
            fresh.client("subscriber") as client,
            managed(fresh.settings("admin")) as manager,
        ):
            await stream.ensure(topology())
            # That it may be called at all: nameless ones are made by it.
            assert not await _refused(client, mine)
            for config in (named, named | start, named | {"durable_name": "webhooks"}):
                assert await _refused(client, config)
            # Whoever starts may change what a site chooses all the same.
            await stream.ensure(topology(ack_wait=40))
            found = await manager.consumer_info("EVENTS", "webhooks")
            assert found.config.filter_subjects == list(outcomes().filters)
            assert found.config.ack_wait == 40
    finally:
        fresh.kill()


async def _refused(client: UserClient, config: dict[str, str]) -> bool:
    """Whether a consumer cannot be made, or changed, so."""
    body = json.dumps({"stream_name": "EVENTS", "config": config}).encode()
    answer = await client.request("$JS.API.CONSUMER.CREATE.EVENTS", body)
    return "error" in json.loads(answer.data)


async def test_the_services_work_as_their_users(server: NatsWithUsers) -> None:
    """A recording's way, each step by the adapter and the user of the service that takes it."""
    async with (
        opened(server.settings("publisher")) as publisher,
        opened(server.settings("ingest")) as ingest,
        opened(server.settings("transcriber")) as transcriber,
        opened(server.settings("stream")) as stream,
    ):
        await ingest.ensure(topology())
        await publisher.publish(Message(submission("county", "fire"), b"{}", message_id="1"))
        await _take_in(ingest)
        follower = aiter(stream.follow(EVENTS.name, list(EVENTS.subjects), 1))
        await _transcribe(transcriber)
        await transcriber.announce("transcriber", {"worker": "w"})

        async def discovered() -> bool:
            return await stream.discover("transcriber") == [{"worker": "w"}]

        await until(discovered)
        assert await stream.pending(lane_consumer("live")) == 0
        found: list[str] = []
        async with asyncio.timeout(10):
            while len(found) < 4:
                found += [each.subject.rpartition(".")[2] for each in await anext(follower)]
        assert found == ["queued", "started", "segment", "completed"]
        assert [len(batch) async for batch in stream.read(EVENTS.name, list(EVENTS.subjects))] == [
            4
        ]


async def _take_in(bus: NatsBus) -> None:
    (delivery,) = await bus.fetch(submissions(), 1, 5)
    assert (await bus.get(SUBMIT.name, delivery.message.sequence)) is not None
    scope = version_events("county", "fire", "r", 1)
    assert await bus.last(EVENTS.name, scope) is None
    await bus.publish(Message(event("county", "fire", "r", 1, "queued"), b"{}"), Fence(scope, 0))
    await bus.publish(Message(job("live"), b"{}"))
    await bus.publish(Message(dead("ingest"), b"{}"))
    await delivery.ack()
    assert (await bus.state(SUBMIT.name)).last == 1


async def _transcribe(bus: NatsBus) -> None:
    (delivery,) = await bus.fetch(lane_consumer("live"), 2, 5)
    await delivery.hand_back()
    (delivery,) = await bus.fetch(lane_consumer("live"), 1, 5)
    scope = version_events("county", "fire", "r", 1)
    last = await bus.last(EVENTS.name, scope)
    assert last is not None
    async with delivery.keep_alive():
        types = ("started", "segment", "completed")
        batch = [Message(event("county", "fire", "r", 1, type), b"{}") for type in types]
        await bus.publish_batch(batch, Fence(scope, last.sequence))
        await bus.publish(Message(dead("transcriber"), b"{}"))
        await delivery.ack()
