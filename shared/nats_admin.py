"""Streams and consumers: made, compared and made again from the topology."""

import asyncio
import logging
import secrets
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Protocol, cast
from uuid import uuid4

import nats.errors
from nats.js import JetStreamManager
from nats.js.api import (
    AckPolicy,
    ConsumerConfig,
    ConsumerInfo,
    DeliverPolicy,
    DiscardPolicy,
    RetentionPolicy,
    StorageType,
    StreamConfig,
    StreamInfo,
)
from nats.js.errors import APIError, NotFoundError, ServiceUnavailableError

from shared.alone import alone
from shared.bus import StreamState
from shared.errors import BusUnavailable, SettingError
from shared.nats_link import TIMEOUT, Link
from shared.topology import Consumer, Stream, Topology

log = logging.getLogger(__name__)

NAME_IN_USE = 10058
NO_ROOM = 10047
"""The stream's `max_bytes` exceed what the server may still promise."""
BAD_CONFIG = 10052
NO_PEERS = 10005
"""Fewer servers of the cluster are up than the stream has copies."""
_MAKER = "echobase-made"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class _Manager(Protocol):
    """The part of nats-py's JetStreamManager that is used, whose annotations are incomplete."""

    async def stream_info(self, name: str) -> StreamInfo: ...
    async def add_stream(self, config: StreamConfig) -> StreamInfo: ...
    async def update_stream(self, config: StreamConfig) -> StreamInfo: ...
    async def consumer_info(self, stream: str, consumer: str) -> ConsumerInfo: ...
    async def add_consumer(self, stream: str, config: ConsumerConfig) -> ConsumerInfo: ...
    async def delete_consumer(self, stream: str, consumer: str) -> bool: ...


class Admin:
    """What JetStream's management interface is asked."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self._topology: Topology | None = None
        self._turn = asyncio.Lock()

    @property
    def _manager(self) -> "_Manager":
        self._link.check()
        return cast("_Manager", JetStreamManager(self._link.client, timeout=TIMEOUT))

    async def ensure(self, topology: Topology) -> None:
        """Create what is missing and update what differs; `repair` goes by it from now on."""
        self._topology = topology
        async with self._turn:
            for stream in topology.streams:
                await self._ensure_stream(stream, topology.replicas)
            for consumer in topology.consumers:
                await self._ensure_consumer(consumer)

    async def provide(self, consumer: Consumer) -> None:
        """Create or update a consumer."""
        async with self._turn:
            await self._ensure_consumer(consumer)

    async def repair(self, consumer: Consumer | None = None) -> None:
        """Make again what was deleted: a stream or a consumer of the topology, or `consumer`."""
        async with self._turn:
            known = self._topology or Topology((), ())
            for stream in known.streams:
                if await self._ensure_stream(stream, known.replicas):
                    log.warning("stream %s was gone: made again", stream.name)
            mine = () if consumer is None or consumer in known.consumers else (consumer,)
            for each in (*known.consumers, *mine):
                if await self._ensure_consumer(each):
                    log.warning("consumer %s of %s was gone: made again", each.name, each.stream)

    async def state(self, stream: str) -> StreamState:
        """Where the stream begins and ends."""
        with unavailable():
            return _state(await alone(self._manager.stream_info(stream)))

    async def pending(self, consumer: Consumer) -> int:
        """Messages that wait or are in hand."""
        with unavailable():
            info = await alone(self._manager.consumer_info(consumer.stream, consumer.name))
        return (info.num_pending or 0) + (info.num_ack_pending or 0)

    async def add_follower(self, stream: str, config: ConsumerConfig) -> None:
        """Create a consumer that goes by itself when it is no longer used."""
        with unavailable():
            await alone(self._manager.add_consumer(stream, config))

    async def remove_follower(self, stream: str, name: str) -> None:
        """Delete a consumer; it does not matter if it is gone."""
        try:
            await alone(self._manager.delete_consumer(stream, name))
        except (nats.errors.Error, OSError) as error:
            log.debug("consumer %s goes by itself: %s", name, error)

    async def _ensure_stream(self, stream: Stream, replicas: int) -> bool:
        """Returns whether it was created."""
        wanted = _stream_config(stream, replicas)
        with unavailable(), refused(f"stream {stream.name}"):
            try:
                info = await alone(self._manager.stream_info(stream.name))
            except NotFoundError:
                try:
                    # The server takes a second creation of the same for a success: only with
                    # something of its own in each does one service know that it was another.
                    own = {_MAKER: uuid4().hex}
                    await alone(self._manager.add_stream(replace(wanted, metadata=own)))
                    return True
                except APIError as error:
                    if error.err_code != NAME_IN_USE:
                        raise
                    # Another service was quicker.
                    info = await alone(self._manager.stream_info(stream.name))
            await self._update_stream(info.config, wanted)
            return False

    async def _update_stream(self, found: StreamConfig, wanted: StreamConfig) -> None:
        if found.retention != wanted.retention:
            raise SettingError(
                f"stream {wanted.name} has retention {_word(found.retention)}, which cannot "
                f"change to {_word(wanted.retention)}: delete it, or use another NATS account"
            )
        changes = _differences(found, wanted, _STREAM_FIELDS)
        if changes:
            await alone(self._manager.update_stream(replace(found, **changes)))
            log.info("stream %s: updated %s", wanted.name, ", ".join(changes))

    async def _ensure_consumer(self, consumer: Consumer) -> bool:
        """Returns whether it was created."""
        wanted = _consumer_config(consumer)
        with unavailable(), refused(f"consumer {consumer.name} of {consumer.stream}"):
            try:
                info = await alone(self._manager.consumer_info(consumer.stream, consumer.name))
            except NotFoundError:
                made = _guarded(wanted) if consumer.guarded else wanted
                try:
                    await alone(self._manager.add_consumer(consumer.stream, made))
                    return True
                except APIError:
                    if not consumer.guarded:
                        raise
                    # Another service may have been quicker: its start is not ours.
                    info = await alone(self._manager.consumer_info(consumer.stream, consumer.name))
            changes = _differences(info.config, wanted, _CONSUMER_FIELDS)
            if changes:
                await alone(
                    self._manager.add_consumer(consumer.stream, replace(info.config, **changes))
                )
                log.info("consumer %s: updated %s", consumer.name, ", ".join(changes))
            return False


@contextmanager
def unavailable() -> Generator[None]:
    """What nats-py raises when the server is away, or lacks what is asked for, as our error."""
    try:
        yield
    except (ServiceUnavailableError, NotFoundError) as error:
        raise BusUnavailable(error.description or "JetStream does not answer") from error
    except APIError as error:
        raise BusUnavailable(str(error)) from error
    except (nats.errors.Error, OSError) as error:
        raise BusUnavailable(str(error) or type(error).__name__) from error


@contextmanager
def refused(what: str) -> Generator[None]:
    """A refusal that trying again does not change, as SettingError."""
    try:
        yield
    except (ServiceUnavailableError, NotFoundError):
        raise
    except APIError as error:
        wrong = error.code is not None and 400 <= error.code < 500
        if (wrong and error.err_code != NO_PEERS) or error.err_code in (NO_ROOM, BAD_CONFIG):
            raise SettingError(f"NATS refuses {what}: {error.description}") from error
        raise


def _state(info: StreamInfo) -> StreamState:
    created = info.created or _EPOCH
    return StreamState(
        info.state.first_seq,
        info.state.last_seq,
        format((created - _EPOCH) // timedelta(microseconds=1), "x"),
        info.state.messages,
    )


_STREAM_FIELDS = (
    "subjects",
    "max_age",
    "max_bytes",
    "max_msg_size",
    "max_msgs_per_subject",
    "discard_new_per_subject",
    "discard",
    "duplicate_window",
    "allow_atomic",
    "allow_direct",
    "num_replicas",
)
_CONSUMER_FIELDS = (
    "filter_subject",
    "filter_subjects",
    "ack_wait",
    "max_ack_pending",
    "max_deliver",
    "inactive_threshold",
)


def _stream_config(stream: Stream, replicas: int) -> StreamConfig:
    return StreamConfig(
        name=stream.name,
        subjects=list(stream.subjects),
        retention=RetentionPolicy(stream.retention),
        max_age=stream.max_age,
        max_bytes=stream.max_bytes,
        max_msg_size=stream.max_message,
        max_msgs_per_subject=stream.max_per_subject,
        discard_new_per_subject=stream.refuse_per_subject,
        discard=DiscardPolicy(stream.discard),
        duplicate_window=stream.duplicate_window,
        allow_atomic=stream.allow_atomic,
        allow_direct=True,
        num_replicas=replicas,
        storage=StorageType.FILE,
    )


def _consumer_config(consumer: Consumer) -> ConsumerConfig:
    return ConsumerConfig(
        name=consumer.name,
        durable_name=consumer.name,
        # A single one has a place of its own, where older servers look for it.
        filter_subject=consumer.filters[0] if len(consumer.filters) == 1 else None,
        filter_subjects=list(consumer.filters) if len(consumer.filters) > 1 else None,
        ack_policy=AckPolicy.EXPLICIT,
        ack_wait=consumer.ack_wait,
        max_ack_pending=consumer.max_ack_pending,
        inactive_threshold=consumer.idle or None,
        # A job at a limit of deliveries would be stranded: stored, but delivered to nobody.
        max_deliver=-1,
    )


def _guarded(config: ConsumerConfig) -> ConsumerConfig:
    """The same, with something that who would change it has to know, and cannot.

    NATS' rights are to subjects, and one of those by which a consumer is made has its name in the
    body alone: whoever may make any, may so change any. The time at which a consumer starts cannot
    be changed, and is told only to those who may look at it: a random one before the first event.
    """
    start = _EPOCH + timedelta(microseconds=secrets.randbits(49))
    return replace(config, deliver_policy=DeliverPolicy.BY_START_TIME, opt_start_time=start)


def _differences(
    found: StreamConfig | ConsumerConfig,
    wanted: StreamConfig | ConsumerConfig,
    fields: tuple[str, ...],
) -> dict[str, object]:
    pairs = ((name, getattr(found, name), getattr(wanted, name)) for name in fields)
    return {name: new for name, old, new in pairs if (old or None) != (new or None)}


def _word(value: object) -> str:
    return str(getattr(value, "value", value))
