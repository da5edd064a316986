"""Following a stream: an ordered consumer that is pulled, and made again whenever in doubt.

Whether nothing is missing is checked on the consumer's own sequence: messages that were deleted
leave holes in the stream's.
"""

import asyncio
import logging
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from uuid import uuid4

import msgspec
from nats.aio.msg import Msg
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy

from shared.bus import StoredMessage, StreamReset, StreamState
from shared.errors import BusUnavailable
from shared.nats_admin import Admin
from shared.nats_channel import Channel, delivered, description, position, status
from shared.nats_link import Link

log = logging.getLogger(__name__)

BATCH = 1000
EXPIRES = 30.0
"""Seconds for which one pull waits."""
HEARTBEAT = 3.0
"""Seconds between the server's signs of life while there is nothing to deliver."""
INACTIVE = 15.0
"""Seconds after which the server removes the consumer of a process that died."""
FIRST_PAUSE = 0.05
LONGEST_PAUSE = 2.0


class Broken(Exception):
    """The consumer cannot be relied on any more."""


class NatsFollower:
    """Everything that the filters match, as it comes; see `shared.bus.Follower`."""

    def __init__(
        self,
        link: Link,
        admin: Admin,
        stream: str,
        subjects: Sequence[str],
        start: int,
        epoch: str | None,
    ) -> None:
        self._link = link
        self._admin = admin
        self._stream = stream
        self._subjects = list(subjects)
        self._next = max(1, start)
        self._epoch = epoch
        self._seen = 0
        """Sequence of the last message delivered here; the stream must still hold it or later."""

    async def __aiter__(self) -> AsyncIterator[Sequence[StoredMessage]]:
        """Batches; raises StreamReset."""
        pause = FIRST_PAUSE
        told = False
        while True:
            await self._link.wait_connected()
            name = f"follow-{uuid4().hex}"
            try:
                await self._begin(name)
                async for batch in self._batches(name):
                    if batch:
                        self._seen = batch[-1].sequence
                        self._next = self._seen + 1
                        yield batch
                    pause, told = FIRST_PAUSE, False
            except (BusUnavailable, Broken) as error:
                if not told and self._link.connected:
                    followed = ", ".join(self._subjects)
                    log.warning("following %s was interrupted: %s", followed, error)
                told = True
            finally:
                if self._link.connected:
                    self._link.spawn(self._admin.remove_follower(self._stream, name))
            await asyncio.sleep(pause)
            pause = min(LONGEST_PAUSE, pause * 2)

    async def _begin(self, name: str) -> None:
        """Create the consumer, and make sure that the stream is still the same."""
        config = ConsumerConfig(
            name=name,
            deliver_policy=DeliverPolicy.BY_START_SEQUENCE,
            opt_start_seq=self._next,
            ack_policy=AckPolicy.NONE,
            filter_subjects=self._subjects,
            inactive_threshold=INACTIVE,
            num_replicas=1,
            mem_storage=True,
        )
        try:
            await self._admin.add_follower(self._stream, config)
        except BusUnavailable:
            await self._admin.repair()
            self._check(await self._admin.state(self._stream))
            raise
        # After it was created, so that a stream made again in between is noticed.
        self._check(await self._admin.state(self._stream))

    def _check(self, state: StreamState) -> None:
        if self._epoch is None:
            self._epoch = state.epoch
        # A server that lost its latest messages with its power has the same stream, shorter.
        if state.epoch != self._epoch or state.last < self._seen:
            raise StreamReset(f"stream {self._stream} was made again")

    async def _batches(self, name: str) -> AsyncGenerator[list[StoredMessage]]:
        """What the consumer delivers, whatever has arrived at once; empty at a sign of life."""
        async with Channel(self._link) as channel:
            expected, due = 1, 0
            while True:
                if due == 0:
                    await self._pull(name, channel.subject)
                    due = BATCH
                if not await channel.wait(3 * HEARTBEAT):
                    raise Broken("no sign of life")
                batch: list[StoredMessage] = []
                for message in channel.take():
                    if (code := status(message)) is not None:
                        due = _after_status(code, message, due)
                        continue
                    place = position(message.reply)
                    if place.consumer_sequence != expected:
                        raise Broken(f"message {expected} of the consumer is missing")
                    expected += 1
                    due -= 1
                    batch.append(delivered(message, place))
                yield batch

    async def _pull(self, name: str, reply: str) -> None:
        request = {
            "batch": BATCH,
            "expires": int(EXPIRES * 1e9),
            "idle_heartbeat": int(HEARTBEAT * 1e9),
        }
        await self._link.send(
            f"$JS.API.CONSUMER.MSG.NEXT.{self._stream}.{name}",
            msgspec.json.encode(request),
            reply=reply,
        )


def _after_status(code: str, message: Msg, due: int) -> int:
    """How many messages of the pull are still due."""
    match code:
        case "100":
            return due
        case "404" | "408":
            return 0
        case _:
            raise Broken(f"{description(message) or 'the consumer is gone'} ({code})")
