"""Storing messages: one, or a batch of which all are stored or none."""

from collections.abc import Sequence
from uuid import uuid4

import msgspec
from msgspec import Struct
from nats.aio.msg import Msg

from shared.bus import Fence, Message, Published
from shared.errors import BusUnavailable, DuplicateMessage, FenceLost, StreamFull
from shared.nats_admin import Admin
from shared.nats_channel import description, status
from shared.nats_link import Link

WRONG_LAST_SEQUENCE = (10071, 10164)
DUPLICATE_IN_BATCH = 10201
STORE_FULL = 10077
MOST_IN_BATCH = 1000


class _Error(Struct):
    code: int
    description: str = ""
    err_code: int = 0


class _Answer(Struct):
    seq: int = 0
    duplicate: bool = False
    error: _Error | None = None


_ANSWER = msgspec.json.Decoder(_Answer)


class Publisher:
    """Publishes over a link."""

    def __init__(self, link: Link, admin: Admin) -> None:
        self._link = link
        self._admin = admin

    async def publish(self, message: Message, fence: Fence | None) -> Published:
        """Store one message; see `shared.bus.Bus.publish`."""
        headers = _headers(message) | _fence(fence)
        answer = _read(await self._stored(message, headers), message.subject)
        return Published(answer.seq, answer.duplicate)

    async def publish_batch(self, messages: Sequence[Message], fence: Fence) -> int:
        """Store all messages or none; see `shared.bus.Bus.publish_batch`."""
        if not 1 <= len(messages) <= MOST_IN_BATCH:
            raise ValueError(f"a batch holds 1 to {MOST_IN_BATCH} messages, not {len(messages)}")
        if len(messages) == 1:
            # The server opens a store for each batch, which takes it ten times as long as a
            # message does.
            published = await self.publish(messages[0], fence)
            if published.duplicate:
                raise DuplicateMessage(f"{messages[0].subject}: the message id is known")
            return published.sequence
        batch = uuid4().hex
        for number, message in enumerate(messages[:-1], start=1):
            extra = _batch(batch, number) | (_fence(fence) if number == 1 else {})
            await self._link.send(message.subject, message.data, _headers(message) | extra)
        last = messages[-1]
        extra = _batch(batch, len(messages)) | {"Nats-Batch-Commit": "1"}
        answer = await self._stored(last, _headers(last) | extra, again=False)
        return _read(answer, last.subject).seq

    async def _stored(self, message: Message, headers: dict[str, str], again: bool = True) -> Msg:
        """The server's answer; if no stream takes the subject, what was deleted is made again."""
        answer = await self._link.request(message.subject, message.data, headers)
        if status(answer) == "503":
            await self._admin.repair()
            if again:
                answer = await self._link.request(message.subject, message.data, headers)
        return answer


def _headers(message: Message) -> dict[str, str]:
    if message.message_id is None:
        return dict(message.headers)
    return {**message.headers, "Nats-Msg-Id": message.message_id}


def _fence(fence: Fence | None) -> dict[str, str]:
    if fence is None:
        return {}
    return {
        "Nats-Expected-Last-Subject-Sequence": str(fence.sequence),
        "Nats-Expected-Last-Subject-Sequence-Subject": fence.subjects,
    }


def _batch(batch: str, number: int) -> dict[str, str]:
    return {"Nats-Batch-Id": batch, "Nats-Batch-Sequence": str(number)}


def _read(message: Msg, subject: str) -> _Answer:
    """Decode the server's word on a publish; raises what it says went wrong."""
    if status(message) is not None:
        raise BusUnavailable(f"no stream takes {subject} {description(message)}".strip())
    answer = _ANSWER.decode(message.data)
    if answer.error is not None:
        raise _refusal(answer.error, subject)
    return answer


def _refusal(error: _Error, subject: str) -> Exception:
    match error.err_code:
        case code if code in WRONG_LAST_SEQUENCE:
            return FenceLost(f"{subject}: {error.description}")
        case code if code == DUPLICATE_IN_BATCH:
            return DuplicateMessage(f"{subject}: {error.description}")
        case code if code == STORE_FULL:
            return StreamFull(f"{subject}: the stream is full ({error.description})")
        case code:
            return BusUnavailable(f"{subject}: {error.description} ({code})")
