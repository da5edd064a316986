"""What travels on NATS is as the AsyncAPI document says: every kind of message, of a real stack."""

import asyncio
import base64
import json
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TypeVar, cast

import httpx
import pytest
from cloudevents.core.bindings.http import HTTPMessage, from_binary_event
from nats.aio.client import Client as Nats
from nats.aio.msg import Msg

from deploy.local.folder import credentials
from deploy.local.samples import samples
from shared.asyncapi import examples
from shared.messages import ALL_TYPES
from shared.rights import inbox_prefix
from shared.s3_store import S3Store
from tests.support.contract import Contract, Json, contract
from tests.support.stack import PATIENCE, RunningStack

pytestmark = pytest.mark.stack

T = TypeVar("T")
CALL = next(sample for sample in samples() if sample.file == "structure-fire.ogg")
TIMES = {"time", "received"}
"""Fields that differ from run to run."""


@dataclass
class Captured:
    """Every message to SUBMIT and EVENTS, as NATS delivers it to whoever listens."""

    messages: list[Msg] = field(default_factory=list[Msg])

    async def until(self, holds: Callable[[Json], bool]) -> Json:
        """The first event of which something holds."""
        async with asyncio.timeout(PATIENCE):
            while True:
                for message in self.messages:
                    if message.subject.startswith("echobase.events.") and holds(body(message)):
                        return body(message)
                await asyncio.sleep(0.02)

    async def event(self, type: str, correlation_id: str) -> Json:
        """The event of a type that answers a submission."""
        wanted = {"type": type, "correlation_id": correlation_id}
        return await self.until(lambda event: wanted.items() <= event.items())


def body(message: Msg) -> Json:
    """What a message says."""
    return cast(Json, json.loads(message.data))


@asynccontextmanager
async def logged_in(stack: RunningStack, user: str, password: str) -> AsyncGenerator[Nats]:
    """A connection of nats-py's to the stack's NATS."""
    client = Nats()
    await client.connect(
        f"nats://127.0.0.1:{stack.ports['NATS']}",
        user=user,
        password=password,
        inbox_prefix=inbox_prefix(user),
    )
    try:
        yield client
    finally:
        await client.close()


async def everything(stack: RunningStack) -> Captured:
    """What a stack says when all that the document knows of happens once."""
    login = credentials(stack.data)
    store = S3Store(stack.store)
    key = str(examples.SUBMISSIONS["object"].object)
    await store.put(key, CALL.path.read_bytes())
    captured = Captured()
    async with (
        logged_in(stack, login.nats_user, login.nats_password) as admin,
        logged_in(stack, "publisher", login.nats_passwords["publisher"]) as publisher,
        httpx.AsyncClient(timeout=PATIENCE) as http,
    ):

        async def keep(message: Msg) -> None:
            captured.messages.append(message)

        for subject in ("echobase.submit.>", "echobase.events.>"):
            await admin.subscribe(subject, cb=keep)  # pyright: ignore[reportUnknownMemberType]
        await admin.flush()
        for payload in submissions():
            headers = {"Nats-Msg-Id": str(payload["correlation_id"])}
            message = json.dumps(payload).encode()
            subject = "echobase.submit.county.fire"
            answer = await publisher.request(subject, message, timeout=PATIENCE, headers=headers)
            check_acknowledgment(answer)
        done = await captured.event("completed", "call-8122")
        for type, name in (
            ("completed", "call-8121"),
            ("failed", "captured-3"),
            ("refused", "captured-4"),
        ):
            await captured.event(type, name)
        place = f"/v1/recordings/{done['recording']}"
        correction = {"base": 1, "by": "kb", "segments": [{"index": 0, "text": "Engine 7."}]}
        corrected = await http.patch(f"{stack.addresses.stream}{place}/transcript", json=correction)
        assert corrected.status_code == 201, corrected.text
        await captured.until(lambda event: event["type"] == "corrected")
        deleted = await http.delete(f"{stack.addresses.ingest}{place}")
        assert deleted.status_code == 204, deleted.text
        await captured.until(lambda event: event["type"] == "deleted")
    await store.close()
    return captured


def submissions() -> list[Json]:
    """The document's own two, one that the model cannot do, and one that is no audio."""
    shown = contract().part("components", "messages", "submission")["examples"]
    first, second = (cast(Json, each["payload"]) for each in cast(list[Json], shown))
    spoken = base64.b64encode(CALL.path.read_bytes()).decode()
    return [
        first,
        second,
        # In a language that the bundled model does not know.
        {"audio": spoken, "language": "de", "correlation_id": "captured-3"},
        {"audio": "bm8gYXVkaW8=", "correlation_id": "captured-4"},
    ]


def check_acknowledgment(answer: Msg) -> None:
    """What JetStream answers is documented too."""
    schema = contract().part("components", "schemas", "Acknowledgment")
    assert contract().schema_faults(schema, body(answer), "field") == []
    assert body(answer)["stream"] == "SUBMIT"


@pytest.fixture(scope="module")
def captured(stack: RunningStack) -> Captured:
    """All that the tests here look at."""
    return asyncio.run(everything(stack))


def faults(
    agreed: Contract, message: Msg, change: Callable[[Json], Json] = lambda x: x
) -> list[str]:
    """What of a message, or of one that was changed, is not as documented."""
    data = json.dumps(change(body(message))).encode()
    return agreed.faults(message.subject, message.headers or {}, data)


def test_every_message_is_as_documented(captured: Captured) -> None:
    agreed = contract()
    kinds = {agreed.channel_of(message.subject) for message in captured.messages}
    assert kinds == {"submit", *ALL_TYPES}
    assert [fault for message in captured.messages for fault in faults(agreed, message)] == []


def test_a_field_that_is_missing_wrong_or_unknown_is_found(captured: Captured) -> None:
    agreed = contract()
    for message in first_of_each(agreed, captured).values():
        for name in body(message):
            if name in required(agreed, message):
                assert faults(agreed, message, lambda said, gone=name: without(said, gone))
            assert faults(
                agreed, message, lambda said, bad=name: {**said, bad: {"no": "such"}}
            ) or (name == "metadata")
        assert faults(agreed, message, lambda said: {**said, "made-up": 1})


def test_a_header_that_is_missing_or_wrong_is_found(captured: Captured) -> None:
    agreed = contract()
    for type in ALL_TYPES:
        message = first_of_each(agreed, captured)[type]
        headers = message.headers or {}
        for name in headers:
            if name.startswith("ce-"):
                assert agreed.faults(message.subject, without(headers, name), message.data)
        for name in ("ce-type", "ce-specversion", "ce-time", "ce-source", "ce-datacontenttype"):
            assert agreed.faults(message.subject, {**headers, name: "no such"}, message.data)
        assert agreed.faults(message.subject, {**headers, "ce-made-up": "x"}, message.data)


def test_a_subject_that_is_not_documented_is_found(captured: Captured) -> None:
    agreed = contract()
    message = first_of_each(agreed, captured)["deleted"]
    for subject in (
        message.subject.replace(".0.deleted", ".1.deleted"),
        message.subject.replace(".deleted", ".gone"),
        message.subject.replace("echobase.events.", "echobase.events.more."),
    ):
        assert agreed.faults(subject, message.headers or {}, message.data) == [
            f"no channel has the subject {subject}"
        ]


def test_the_documents_own_submission_gives_the_documents_own_event(captured: Captured) -> None:
    shown = examples.payload(examples.events()["queued"])
    [queued] = [
        body(message)
        for message in captured.messages
        if message.subject.endswith(".queued") and body(message)["correlation_id"] == "call-8121"
    ]
    assert without(queued, *TIMES) == without(shown, *TIMES)


def test_the_official_parser_of_cloud_events_reads_every_event(captured: Captured) -> None:
    seen: set[str] = set()
    for message in captured.messages:
        if message.subject.startswith("echobase.events."):
            event = from_binary_event(HTTPMessage(dict(message.headers or {}), message.data))
            assert event.get_data() == body(message)
            seen.add(event.get_type())
    assert seen == {f"echobase.event.{type}" for type in ALL_TYPES}


def first_of_each(agreed: Contract, captured: Captured) -> Mapping[str, Msg]:
    """A message of each kind, by its channel's name."""
    found: dict[str, Msg] = {}
    for message in captured.messages:
        found.setdefault(str(agreed.channel_of(message.subject)), message)
    return found


def required(agreed: Contract, message: Msg) -> list[str]:
    """The fields that a message must have."""
    kind = str(agreed.channel_of(message.subject))
    [name] = agreed.part("channels", kind, "messages")
    payload = agreed.part("channels", kind, "messages", name, "payload")
    return cast(list[str], payload["required"])


def without(said: Mapping[str, T], *names: str) -> dict[str, T]:
    """All but some."""
    return {name: each for name, each in said.items() if name not in names}
