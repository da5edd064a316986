"""Takes what other services publish to SUBMIT, by the same reception as uploads.

    message → audio and entry in the spool → note of the inbox's object → acknowledged
    message → dead letter → event `refused` → acknowledged

A message is acknowledged once what it brought is on the disk, or once it is in the dead letters;
whatever dies before, it comes again, and what was done already is found. While the spool is full,
or the store or the bus is away, it is handed back, however often.
"""

import asyncio
import logging
import random
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime

from services.ingest.forward_queue import wait
from services.ingest.forwarder import Forwarder
from services.ingest.inbox import Inbox, fetch
from services.ingest.measures import Measures
from services.ingest.reception import Reception
from services.ingest.submitted import read, refusal
from services.ingest.upstream import Upstream
from shared import log, telemetry
from shared.bus import Bus, Delivery, Fence, StoredMessage
from shared.envelope import dead_message, refused_message
from shared.errors import (
    BadInput,
    BusUnavailable,
    CannotSucceed,
    EchoBaseError,
    FenceLost,
    Full,
    ObjectMissing,
    TooManyAttempts,
    Unavailable,
)
from shared.messages import Refused
from shared.pull import pull
from shared.topology import EVENTS, Consumer

SERVICE = "ingest"
WIDTH = 4
"""Messages that are taken at a time."""
ATTEMPTS = 10
"""Deliveries after which a message by which ingest itself fails is refused."""
_PULL = 5.0
"""Seconds for which one request for a message waits."""
_PAUSE = 1.0
"""Seconds before the bus is asked again while it stays away."""
_LASTING = 5
"""Requests in a row that find the bus away before that is said."""
_log = logging.getLogger(__name__)


def decide(error: Exception, attempt: int) -> EchoBaseError | None:
    """Why a message is refused for good after an attempt (from 1) failed; None: it waits."""
    match error:
        case BadInput() | CannotSucceed():
            return error
        case Full() | Unavailable() | OSError():
            return None
        case _ if attempt >= ATTEMPTS:
            return TooManyAttempts(f"{attempt} attempts failed, the last by {type(error).__name__}")
        case _:
            return None


class Submissions:
    """The only one who takes messages from SUBMIT in this process."""

    def __init__(
        self,
        upstream: Upstream,
        consumer: Consumer,
        reception: Reception,
        inbox: Inbox,
        forwarder: Forwarder,
        measures: Measures,
        most_inline: int,
        pace: Callable[[int, float], float] = wait,
    ) -> None:
        """`most_inline`: bytes of audio that a message may hold. `pace`: as `wait`."""
        self._upstream = upstream
        self._consumer = consumer
        self._reception = reception
        self._inbox = inbox
        self._forwarder = forwarder
        self._measures = measures
        self._most_inline = most_inline
        self._pace = pace
        self._away = False
        self._stuck = False

    async def run(self, stopping: asyncio.Event) -> None:
        """Take messages until `stopping`; those in hand are finished."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._inbox.run(stopping))
            for _ in range(WIDTH):
                tasks.create_task(self._work(stopping))

    async def _work(self, stopping: asyncio.Event) -> None:
        failures = 0
        while not stopping.is_set():
            try:
                bus = await self._upstream.bus()
                deliveries = await pull(bus, self._consumer, 1, _PULL, stopping)
            except BusUnavailable as error:
                failures += 1
                # Every start has a moment in which it is not yet connected.
                if failures >= _LASTING and not self._away:
                    self._away = True
                    _log.warning("nothing can be taken from SUBMIT", extra={"error": str(error)})
                with suppress(TimeoutError):
                    async with asyncio.timeout(min(_PAUSE, 0.05 * 2.0 ** min(failures, 10))):
                        await stopping.wait()
                continue
            failures = 0
            if self._away:
                _log.info("SUBMIT is there again")
                self._away = False
            for delivery in deliveries:
                await self.handle(bus, delivery)

    async def handle(self, bus: Bus, delivery: Delivery) -> None:
        """Take one message: accept it, refuse it, or hand it back. Raises nothing."""
        message = delivery.message
        with (
            log.bind(submission=message.sequence),
            telemetry.consume(message.subject, message.headers, self._consumer.name),
        ):
            async with delivery.keep_alive():
                try:
                    await self._handle(bus, delivery)
                except BusUnavailable as error:
                    # It comes again, and what was done already is found.
                    _log.warning("the answer for a submission was lost: %s", error)
                except Exception as error:  # noqa: BLE001 - one message must not end the service
                    _log.exception("a submission could not be answered", exc_info=error)

    async def _handle(self, bus: Bus, delivery: Delivery) -> None:
        message = delivery.message
        try:
            await self._accept(message)
        except Exception as error:  # noqa: BLE001 - whatever it is, the message must go somewhere
            if why := decide(error, delivery.attempt):
                await _refuse(bus, message, why)
            else:
                await self._hand_back(delivery, error)
                return
        if self._stuck:
            self._stuck = False
            _log.info("submissions are taken again")
        await delivery.ack()

    async def _hand_back(self, delivery: Delivery, error: Exception) -> None:
        if not isinstance(error, EchoBaseError):
            _log.exception("taking a submission failed", exc_info=error)
        elif not self._stuck:
            self._stuck = True
            _log.warning("submissions wait in SUBMIT", extra={"error": str(error)})
        await delivery.hand_back(self._pace(delivery.attempt, random.random()))  # noqa: S311 - no secret

    async def _accept(self, message: StoredMessage) -> None:
        with self._measures.upload() as outcome:
            submitted = read(message, self._most_inline)
            stamp = ""
            reception = self._reception
            async with reception.spool.receive() as audio:
                if submitted.audio is not None:
                    await audio.reserve(len(submitted.audio))
                    await audio.write(submitted.audio)
                elif submitted.object is not None:
                    store = await self._upstream.store()
                    try:
                        stamp = await fetch(store, submitted.object, audio, reception.max_bytes)
                    except ObjectMissing:
                        if not self._inbox.was_fetched(message, submitted.object):
                            raise
                        outcome.name = "known"
                        _log.info("submitted again after its object was taken")
                        return
                held, new = await reception.accept(audio, submitted.said, _published(message))
            outcome.taken(held, new)
            if new:
                self._forwarder.add(held)
            if submitted.object is not None:
                # After it is in the spool and before the acknowledgment: nobody removes an object
                # that is not noted, and what is noted is not missed.
                await self._inbox.note(submitted.object, stamp, message, held.entry.key)


def _published(message: StoredMessage) -> datetime | None:
    """A message that comes again after its recording was erased must be known as an old one."""
    return datetime.fromtimestamp(message.time, UTC) if message.time else None


async def _refuse(bus: Bus, message: StoredMessage, why: EchoBaseError) -> None:
    """Put a message into the dead letters and say so, unless that was done.

    Raises BusUnavailable.
    """
    event = refusal(message, why, datetime.now(UTC))
    announcement = refused_message(event, message.subject)
    scope = announcement.subject.removesuffix("refused") + ">"
    if await bus.last(EVENTS.name, scope) is None:
        await _bury(bus, message, why, event)
        with suppress(FenceLost), telemetry.produce(announcement.subject):
            await bus.publish(announcement, Fence(scope, 0))
    _log.warning(
        "a submission was refused: %s",
        event.reason,
        extra={"code": why.code, "id": event.submission},
    )


async def _bury(bus: Bus, message: StoredMessage, why: EchoBaseError, event: Refused) -> None:
    letter = dead_message(SERVICE, message, why.code, event.reason)
    with telemetry.produce(letter.subject):
        try:
            await bus.publish(letter)
        except (CannotSucceed, ValueError):
            # Its own headers are too large or too odd to be repeated; what it says is kept.
            bare = replace(message, headers={})
            await bus.publish(dead_message(SERVICE, bare, why.code, event.reason))
