"""Taking jobs from a durable consumer: pull requests that lose nothing and leave nothing behind.

nats-py's own `fetch` drops a message when it is cancelled at the wrong moment, and leaves its pull
waiting on the server, which then delivers the next job to nobody. Here whatever reaches a pull
that nobody waits for any more is handed back at once.
"""

import asyncio
import logging
from collections.abc import AsyncGenerator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from dataclasses import dataclass

import msgspec
from nats.aio.msg import Msg

from shared.bus import Delivery, StoredMessage
from shared.errors import BusUnavailable
from shared.nats_admin import Admin
from shared.nats_channel import Channel, delivered, description, position, status
from shared.nats_link import Link
from shared.topology import Consumer

log = logging.getLogger(__name__)

SLACK = 2.0
"""Seconds beyond a pull's end within which the server says that it ended."""
PAUSE = 0.5
"""Seconds before a consumer that refused a pull is asked again."""
SHORTEST = 0.001
"""Seconds; a pull that expires at once would wait for ever."""
NOTHING_THERE = ("404", "408")


@dataclass(frozen=True)
class NatsDelivery:
    """A job in hand; see `shared.bus.Delivery`."""

    message: StoredMessage
    attempt: int
    reply: str
    ack_wait: float
    link: Link

    async def ack(self) -> None:
        """Remove it from the queue, and wait for the server's word that it is."""
        await self._answer(b"+ACK")

    async def hand_back(self, delay: float = 0.0) -> None:
        """Let it be delivered again, to anyone, after `delay` seconds."""
        await self._answer(_nak(delay))

    def keep_alive(self) -> AbstractAsyncContextManager[None]:
        """While the context lasts, tell the server that work goes on."""
        return _alive(self.link, self.reply, self.ack_wait / 3)

    async def _answer(self, word: bytes) -> None:
        if status(await self.link.request(self.reply, word)) is not None:
            raise BusUnavailable("the consumer that delivered the job is gone")


class Fetcher:
    """Pulls over a link."""

    def __init__(self, link: Link, admin: Admin) -> None:
        self._link = link
        self._admin = admin

    async def fetch(self, consumer: Consumer, count: int, timeout: float) -> list[Delivery]:
        """Up to `count` jobs; see `shared.bus.Bus.fetch`.

        What waits already is taken with one request that does not wait; only if there is nothing
        a second one waits, for a single job, so that none is held back for company.
        """
        loop = asyncio.get_running_loop()
        end = loop.time() + timeout
        while True:
            await self._link.wait_connected(max(0.0, end - loop.time()))
            try:
                if count > 1 and (jobs := await self._pull(consumer, count, None)):
                    return jobs
                return await self._pull(consumer, 1, max(SHORTEST, end - loop.time()))
            except BusUnavailable as error:
                left = end - loop.time()
                if left <= 0:
                    raise
                log.debug("pull from %s: %s", consumer.name, error)
                await asyncio.sleep(min(PAUSE, left))

    async def _pull(self, consumer: Consumer, count: int, timeout: float | None) -> list[Delivery]:
        """Up to `count` jobs with one request, which waits for `timeout` seconds or not at all."""
        request: dict[str, object] = {"batch": count}
        if timeout is None:
            request["no_wait"] = True
        else:
            request["expires"] = int(timeout * 1e9)
        patience = (timeout or 0.0) + SLACK
        messages: list[Msg] = []
        end: Msg | None = None
        async with Channel(self._link, self._hand_back, linger=patience) as channel:
            subject = f"$JS.API.CONSUMER.MSG.NEXT.{consumer.stream}.{consumer.name}"
            try:
                await self._link.send(subject, msgspec.json.encode(request), reply=channel.subject)
                end = await _collect(channel, messages, count, patience)
            except asyncio.CancelledError:
                for message in messages:
                    self._hand_back(message)
                raise
            except BusUnavailable:
                if not messages:
                    raise
            if end is not None or len(messages) == count:
                channel.finish()
        if not messages:
            await self._ended(consumer, end)
        return [self._delivery(message, consumer) for message in messages]

    async def _ended(self, consumer: Consumer, end: Msg | None) -> None:
        """A pull that brought nothing: raises BusUnavailable unless there was nothing to bring."""
        if end is None:
            # The server says so when there is nothing: one that is silent has stopped.
            raise BusUnavailable(f"consumer {consumer.name}: no answer")
        code, reason = status(end), description(end)
        if code in NOTHING_THERE:
            return
        if code == "503" or "Deleted" in reason:
            await self._admin.repair(consumer)
        raise BusUnavailable(f"consumer {consumer.name}: {reason or 'gone'} ({code})")

    def _delivery(self, message: Msg, consumer: Consumer) -> NatsDelivery:
        place = position(message.reply)
        return NatsDelivery(
            delivered(message, place),
            place.attempt,
            message.reply,
            consumer.ack_wait,
            self._link,
        )

    def _hand_back(self, message: Msg) -> None:
        if status(message) is None:
            self._link.spawn(_send(self._link, message.reply, _nak(0.0)))


async def _collect(
    channel: Channel, messages: list[Msg], count: int, patience: float
) -> Msg | None:
    """Add what comes to `messages`, up to `count`; returns what ended the pull before."""
    while len(messages) < count and await channel.wait(patience):
        for answer in channel.take():
            if status(answer) is not None:
                return answer
            messages.append(answer)
    return None


@asynccontextmanager
async def _alive(link: Link, reply: str, every: float) -> AsyncGenerator[None]:
    task = asyncio.create_task(_beat(link, reply, every))
    try:
        yield
    finally:
        task.cancel()
        # Not by suppressing the cancellation, which may be that of whoever works.
        await asyncio.gather(task, return_exceptions=True)


async def _beat(link: Link, reply: str, every: float) -> None:
    while True:
        await asyncio.sleep(every)
        await _send(link, reply, b"+WPI")


async def _send(link: Link, subject: str, data: bytes) -> None:
    # Without a connection there is nobody to tell, and the next beat tells again.
    with suppress(BusUnavailable):
        await link.send(subject, data)


def _nak(delay: float) -> bytes:
    # A bare nak is delivered again at once whatever the consumer's backoff says: the delay goes
    # with it.
    return b"-NAK" if delay <= 0 else b"-NAK " + msgspec.json.encode({"delay": int(delay * 1e9)})
