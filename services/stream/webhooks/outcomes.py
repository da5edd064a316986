"""Shares out what is to be posted: a message for each event and each receiver that wants it.

    event of EVENTS → a message in WEBHOOKS for each receiver → acknowledged

Whatever dies in between, the event comes again, and the server drops the messages that it has.
A receiver whose share is full gets a dead letter instead, so that nobody waits for it.
"""

import asyncio
import hashlib
import logging
import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace

from services.stream.webhooks import measures
from services.stream.webhooks.receiver import Receiver
from services.stream.webhooks.receivers import Receivers
from shared import subjects, telemetry
from shared.bus import Bus, Delivery, Message, StoredMessage
from shared.envelope import EVENT_SUBJECT, ID, WEBHOOK_ID, dead_message
from shared.errors import BusUnavailable, CannotSucceed, StreamFull
from shared.pull import pull
from shared.topology import Consumer

SERVICE = "stream"
PULL = 5.0
"""Seconds for which one request for messages waits."""
PAUSE = 1.0
"""Seconds before the bus is asked again while it stays away."""
_BATCH = 16
_SAFE = re.compile(r"[A-Za-z0-9_-]{1,64}\Z")
_log = logging.getLogger(__name__)


class Outcomes:
    """The one in this process who shares out."""

    def __init__(self, bus: Bus, consumer: Consumer, receivers: Receivers) -> None:
        self._bus = bus
        self._consumer = consumer
        self._receivers = receivers

    async def run(self, stopping: asyncio.Event) -> None:
        """Share out until `stopping`; a bus that is away is waited for."""
        while not stopping.is_set():
            try:
                await self._once(stopping)
            except BusUnavailable as error:
                _log.debug("what is to be posted is not to be had: %s", error)
                with suppress(TimeoutError):
                    async with asyncio.timeout(PAUSE):
                        await stopping.wait()

    async def _once(self, stopping: asyncio.Event) -> None:
        deliveries = await pull(self._bus, self._consumer, _BATCH, PULL, stopping)
        if not deliveries:
            return
        try:
            # After the pull: whoever was added before an event was stored gets it.
            known = await self._receivers.look()
            while deliveries:
                await self._share(deliveries[0], known)
                deliveries = deliveries[1:]
        except BusUnavailable:
            with suppress(BusUnavailable):  # then it comes again by itself, only later
                for each in deliveries:
                    await each.hand_back(PAUSE)
            raise

    async def _share(self, delivery: Delivery, known: Mapping[str, Receiver]) -> None:
        event = delivery.message
        wanting = [each for each in known.values() if each.wants(event)]
        if wanting:
            with telemetry.consume(event.subject, event.headers, self._consumer.name):
                for receiver in wanting:
                    await give(self._bus, receiver.id, event)
        await delivery.ack()


async def give(bus: Bus, receiver: str, event: StoredMessage) -> None:
    """Put an event into a receiver's queue. Raises BusUnavailable."""
    message = posting_of(event, receiver)
    try:
        await bus.publish(message)
    except StreamFull as error:
        await _bury(bus, receiver, message, event, error)
    except CannotSucceed as error:  # with its headers it is larger than a message may be
        await _bury(bus, receiver, replace(message, headers={}), event, error)


async def _bury(
    bus: Bus,
    receiver: str,
    message: Message,
    event: StoredMessage,
    why: BusUnavailable | CannotSucceed,
) -> None:
    stored = StoredMessage(message.subject, message.data, message.headers, event.sequence)
    letter = dead_message(SERVICE, stored, why.code, f"too much waits for the receiver: {why}")
    # The event's own sequence is the same for every receiver.
    await bus.publish(replace(letter, message_id=f"{letter.message_id}-{receiver}"))
    measures.buried(receiver)
    _log.error("not posted: %s", why, extra={"webhook": receiver, "event": event.subject})


def posting_of(event: StoredMessage, receiver: str) -> Message:
    """The message by which a receiver's queue holds an event."""
    id = webhook_id(event)
    headers = {**event.headers, WEBHOOK_ID: id, EVENT_SUBJECT: event.subject}
    return Message(subjects.webhook(receiver), event.data, headers, f"{id}.{receiver}")


def webhook_id(event: StoredMessage) -> str:
    """The id under which an event is posted, however often: the event's own."""
    found = event.headers.get(ID, "")
    if _SAFE.match(found):
        return found
    return hashlib.sha256(f"{event.subject} {found}".encode() + event.data).hexdigest()[:32]
