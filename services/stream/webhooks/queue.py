"""Works on what one receiver is to get: a few posts at a time, and waits between attempts by NATS.

A message counts its own deliveries, so that its attempts go on after a crash, on any replica. While
the store is away a message stays in hand: what was not attempted must not count as an attempt.
"""

import asyncio
import logging
import random
from collections.abc import Callable, Sequence
from contextlib import suppress

from services.stream.recordings import Links
from services.stream.webhooks import content, measures
from services.stream.webhooks.outcomes import PAUSE, PULL, SERVICE
from services.stream.webhooks.posting import Answer, Poster
from services.stream.webhooks.receiver import Receiver
from services.stream.webhooks.receivers import Receivers
from services.stream.webhooks.verdict import Delivered, SwitchOff, decide
from shared import log, object_keys, telemetry
from shared.bus import Bus, Delivery, StoredMessage
from shared.envelope import WEBHOOK_ID, dead_message
from shared.erasure import is_erased
from shared.errors import (
    BadMessage,
    BusUnavailable,
    CannotSucceed,
    ObjectMissing,
    StoreUnavailable,
)
from shared.identity import RECORDING_ID
from shared.messages import Transcript, decode
from shared.object_store import ObjectStore
from shared.pull import pull
from shared.retry import DeadLetter, RetryAfter
from shared.topology import receiver_queue

WIDTH = 4
"""Posts to one receiver at a time."""
_log = logging.getLogger(__name__)


class Queue:
    """What one receiver is to get, in this process."""

    def __init__(
        self,
        receiver: str,
        bus: Bus,
        store: ObjectStore,
        receivers: Receivers,
        poster: Poster,
        links: Links,
        waits: Sequence[float],
        ack_wait: float,
        chance: Callable[[], float] = random.random,
    ) -> None:
        """`receiver`: its id. `waits`: seconds between attempts."""
        self._id = receiver
        self._bus = bus
        self._store = store
        self._receivers = receivers
        self._poster = poster
        self._links = links
        self._waits = waits
        self._chance = chance
        self._consumer = receiver_queue(receiver, ack_wait)
        self._stuck = False

    async def pending(self) -> int:
        """How many events wait. Raises BusUnavailable."""
        return await self._bus.pending(self._consumer)

    async def run(self, stopping: asyncio.Event) -> None:
        """Post until `stopping`; what is in hand is finished."""
        while not stopping.is_set():
            try:
                await self._bus.provide(self._consumer)
                break
            except BusUnavailable:
                await _wait(stopping, PAUSE)
        async with asyncio.TaskGroup() as tasks:
            for _ in range(WIDTH):
                tasks.create_task(self._work(stopping))

    async def _work(self, stopping: asyncio.Event) -> None:
        while not stopping.is_set():
            try:
                deliveries = await pull(self._bus, self._consumer, 1, PULL, stopping)
            except BusUnavailable as error:
                _log.debug("nothing to post: %s", error, extra={"webhook": self._id})
                await _wait(stopping, PAUSE)
                continue
            for delivery in deliveries:
                await self._handle(delivery, stopping)

    async def _handle(self, delivery: Delivery, stopping: asyncio.Event) -> None:
        message = delivery.message
        with (
            log.bind(webhook=self._id),
            telemetry.consume(message.subject, message.headers, "webhook"),
        ):
            async with delivery.keep_alive():
                try:
                    await self._deal(delivery, stopping)
                except BusUnavailable as error:
                    # It comes again, under the same id.
                    _log.warning("what came of a post was not noted: %s", error)
                except Exception as error:  # noqa: BLE001 - one message must not end the queue
                    _log.exception("a post could not be dealt with", exc_info=error)
                    with suppress(BusUnavailable):
                        await self._give_back(delivery, type(error).__name__)

    async def _deal(self, delivery: Delivery, stopping: asyncio.Event) -> None:
        message = delivery.message
        receiver = self._receivers.known.get(self._id)
        if receiver is None or receiver.ended is not None:
            await delivery.hand_back(PAUSE)  # whoever looks again first ends this queue
            return
        try:
            body = await self._body(message, stopping)
        except CannotSucceed as error:
            await self._bury(delivery, DeadLetter(error.code, str(error)))
            return
        except StoreUnavailable:  # and the service stops
            await delivery.hand_back()
            return
        if body is None:
            _log.info("not posted: the recording was erased")
            await delivery.ack()
            return
        answer = await self._poster.post(receiver, message.headers[WEBHOOK_ID], body)
        await self._settle(delivery, receiver, answer)

    async def _settle(self, delivery: Delivery, receiver: Receiver, answer: Answer) -> None:
        verdict = decide(answer, delivery.attempt, self._waits, self._chance())
        shown = {"attempt": delivery.attempt, "id": delivery.message.headers[WEBHOOK_ID]}
        match verdict:
            case Delivered():
                measures.posted(self._id, "delivered", answer.seconds)
                await delivery.ack()
            case RetryAfter(seconds):
                measures.posted(self._id, "failed", answer.seconds)
                _log.warning("a post failed: %s", answer, extra={**shown, "again": round(seconds)})
                await delivery.hand_back(seconds)
            case SwitchOff():
                measures.posted(self._id, "gone", answer.seconds)
                _log.error("switched off: the receiver answered 410 (gone)", extra=shown)
                await self._receivers.switch_off(receiver, "it answered 410 (gone)")
                await delivery.hand_back(PAUSE)
            case DeadLetter():
                measures.posted(self._id, "failed", answer.seconds)
                await self._bury(delivery, verdict)

    async def _give_back(self, delivery: Delivery, problem: str) -> None:
        """A fault of our own: it waits as after a failed post, and is given up like one."""
        verdict = decide(Answer(problem=problem), delivery.attempt, self._waits, self._chance())
        match verdict:
            case RetryAfter(seconds):
                await delivery.hand_back(seconds)
            case DeadLetter():
                await self._bury(delivery, verdict)
            case _:
                raise AssertionError(verdict)

    async def _bury(self, delivery: Delivery, why: DeadLetter) -> None:
        await self._bus.publish(dead_message(SERVICE, delivery.message, why.code, why.reason))
        await delivery.ack()
        measures.buried(self._id)
        _log.error("given up: %s", why.reason, extra={"attempt": delivery.attempt})

    async def _body(self, message: StoredMessage, stopping: asyncio.Event) -> bytes | None:
        """What to post; None if its recording was erased.

        Raises BadMessage; StoreUnavailable only when stopping.
        """
        if WEBHOOK_ID not in message.headers:
            raise BadMessage("it lacks the id under which to post it")
        fields = content.event(message.data)
        recording = str(fields.get("recording"))
        if not RECORDING_ID.match(recording):
            raise BadMessage(f"not a recording's id: {recording[:80]!r}")
        while True:
            try:
                if await is_erased(self._store, recording):
                    return None
                return content.body(fields, await self._text(fields, recording), self._links)
            except StoreUnavailable as error:
                if stopping.is_set():
                    raise
                if not self._stuck:
                    self._stuck = True
                    _log.warning("posts wait for the store: %s", error)
            await _wait(stopping, PAUSE)

    async def _text(self, fields: dict[str, object], recording: str) -> str | None:
        """The transcript's text; None if there is none. Raises StoreUnavailable."""
        version = fields.get("version")
        if fields.get("type") != "completed" or not isinstance(version, int):
            return None
        try:
            data = await self._store.get(object_keys.transcript(recording, version))
            self._stuck = False
            return decode(data, Transcript).text
        except (ObjectMissing, BadMessage):
            return None


async def _wait(stopping: asyncio.Event, seconds: float) -> None:
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await stopping.wait()
