"""The connection to NATS: one for the life of the process, which never gives up.

nats-py reconnects by itself, but not in every case: it closes for good when the server answers
`-ERR`, and it leaves requests unanswered until their timeout when the connection breaks. Here a
closed client is replaced, and whatever waits for an answer is told at once. Answers to requests
come to one inbox for the whole process; what a consumer delivers keeps its own subject, and thus
needs an inbox of its own.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from contextlib import suppress
from typing import Protocol, cast
from urllib.parse import urlsplit

import nats.errors
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription

from shared.errors import BusUnavailable, CannotSucceed
from shared.rights import inbox_prefix
from shared.settings import NatsSettings

log = logging.getLogger(__name__)

TIMEOUT = 5.0
"""Seconds within which the server answers a request."""
RECONNECT_WAIT = 0.5
PING_INTERVAL = 5
"""Seconds; a connection that is dead without having said so is noticed after three of them."""
DRAIN_TIMEOUT = 5

Sink = Callable[[Msg | None], None]
"""Takes an answer, or None when the connection that would have brought it is lost."""
Hook = Callable[[], Awaitable[None]]


class _Subscribes(Protocol):
    """The part of nats-py's `subscribe` that is used, whose own annotations are incomplete."""

    async def subscribe(
        self,
        subject: str,
        *,
        cb: Callable[[Msg], Awaitable[None]],
        pending_msgs_limit: int,
        pending_bytes_limit: int,
    ) -> Subscription: ...


class Link:
    """A connection to NATS that comes back."""

    def __init__(self, settings: NatsSettings, name: str) -> None:
        self._servers = [url.strip() for url in settings.nats_url.split(",")]
        self._shown = ", ".join(_without_password(url) for url in self._servers)
        self._user = settings.nats_user or None
        self._password = settings.nats_password or None
        self._name = name
        self._client = Client()
        self._up = asyncio.Event()
        self._told_down = False
        self._closing = False
        self._opened = False
        self._last_error: Exception | None = None
        # A user with rights of its own may listen there and nowhere else.
        self._inboxes_at = inbox_prefix(settings.nats_user)
        self._prefix = f"{self._inboxes_at}.{_nuid(self._client)}."
        self._count = 0
        self._answers: dict[str, asyncio.Future[Msg | None]] = {}
        self._inboxes: set[Inbox] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._hooks: list[Hook] = []

    @property
    def client(self) -> Client:
        """The nats-py client of the moment: another one after the server has closed this one."""
        return self._client

    @property
    def connected(self) -> bool:
        """Whether the connection stands."""
        return self._up.is_set() and self._client.is_connected

    async def open(self) -> None:
        """Connect, and wait for the server for as long as it takes."""
        self._opened = True
        self._client = Client()
        connecting = self._client.connect(
            servers=self._servers,
            name=self._name,
            user=self._user,
            password=self._password,
            inbox_prefix=self._inboxes_at,
            max_reconnect_attempts=-1,
            reconnect_time_wait=cast("int", RECONNECT_WAIT),  # nats-py sleeps it: fractions work
            ping_interval=PING_INTERVAL,
            drain_timeout=DRAIN_TIMEOUT,
            error_cb=self._on_error,
            disconnected_cb=self._on_disconnected,
            reconnected_cb=self._on_connected,
            closed_cb=self._on_closed,
        )
        await _until_done(connecting)
        await _subscribe(self._client, self._prefix + "*", self._take)
        await self._on_connected()
        for hook in self._hooks:
            await hook()

    def on_open(self, hook: Hook) -> None:
        """Call `hook` whenever a new client has replaced a closed one."""
        self._hooks.append(hook)

    async def wait_connected(self, timeout: float | None = None) -> None:
        """Wait until the connection stands. Raises BusUnavailable after `timeout` seconds."""
        try:
            async with asyncio.timeout(timeout):
                await self._up.wait()
        except TimeoutError:
            raise BusUnavailable(f"NATS at {self._shown} is away") from None

    def check(self) -> None:
        """Raise BusUnavailable unless the connection stands.

        nats-py would keep what it cannot send, and send it after the reconnect, when nobody
        expects it any more.
        """
        if not self.connected:
            raise BusUnavailable(f"NATS at {self._shown} is away")

    async def send(
        self,
        subject: str,
        data: bytes = b"",
        headers: Mapping[str, str] | None = None,
        reply: str = "",
    ) -> None:
        """Send a message without waiting for a word about it. Raises BusUnavailable."""
        self.check()
        try:
            await self._client.publish(
                subject, data, reply=reply, headers=dict(headers) if headers else None
            )
        except nats.errors.MaxPayloadError:
            limit = self._client.max_payload
            raise CannotSucceed(
                f"a message of {len(data)} bytes exceeds NATS's limit of {limit}"
            ) from None
        except (nats.errors.BadSubjectError, nats.errors.BadHeaderError) as error:
            raise ValueError(f"{subject!r}: {error}") from error
        except (nats.errors.Error, OSError) as error:
            raise BusUnavailable(str(error)) from error

    async def request(
        self,
        subject: str,
        data: bytes = b"",
        headers: Mapping[str, str] | None = None,
        timeout: float = TIMEOUT,
    ) -> Msg:
        """The one answer to a message.

        Raises BusUnavailable if none came within `timeout` seconds, or the connection broke: the
        request may have been served all the same.
        """
        future: asyncio.Future[Msg | None] = asyncio.get_running_loop().create_future()
        self._count += 1
        token = format(self._count, "x")
        self._answers[token] = future
        try:
            await self.send(subject, data, headers, self._prefix + token)
            async with asyncio.timeout(timeout):
                answer = await future
        except TimeoutError:
            raise BusUnavailable(f"no answer on {subject} within {timeout:g} s") from None
        finally:
            del self._answers[token]
        if answer is None:
            raise BusUnavailable("the connection broke before the answer came")
        return answer

    def spawn(self, work: Coroutine[object, object, None]) -> None:
        """Do something in the background; it is cancelled when the link closes."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def close(self) -> None:
        """Take what is under way, flush what is pending, and disconnect."""
        self._closing = True
        try:
            async with asyncio.timeout(DRAIN_TIMEOUT):
                if self._client.is_connected:
                    await self._client.drain()
                elif self._opened:
                    await self._client.close()
        except (nats.errors.Error, OSError, TimeoutError):
            await self._client.close()
        self._up.clear()
        self._tell_all_lost()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def subscribe(self, sink: Sink) -> "Inbox":
        """An address of its own for what is delivered to `sink` until `unsubscribe`.

        Raises BusUnavailable.
        """
        self.check()
        inbox = Inbox(self._client.new_inbox(), sink)
        try:
            inbox.subscription = await _subscribe(self._client, inbox.subject, inbox.take)
        except (nats.errors.Error, OSError) as error:
            raise BusUnavailable(str(error)) from error
        self._inboxes.add(inbox)
        return inbox

    async def unsubscribe(self, inbox: "Inbox") -> None:
        """Let go of an address."""
        self._inboxes.discard(inbox)
        if inbox.subscription is not None:
            with suppress(nats.errors.Error, OSError):
                await inbox.subscription.unsubscribe()

    async def _take(self, message: Msg) -> None:
        future = self._answers.get(message.subject.removeprefix(self._prefix))
        if future is not None and not future.done():
            future.set_result(message)

    def _tell_all_lost(self) -> None:
        for future in self._answers.values():
            if not future.done():
                future.set_result(None)
        for inbox in list(self._inboxes):
            inbox.sink(None)

    async def _on_error(self, error: Exception) -> None:
        self._last_error = error
        if isinstance(error, nats.errors.SlowConsumerError):
            log.error("NATS messages were dropped: %s", error)
        elif not self._up.is_set():
            self._tell_down("waiting for NATS at %s: %s")
        elif not isinstance(error, nats.errors.StaleConnectionError | OSError):
            log.warning("NATS says: %s", error or type(error).__name__)

    async def _on_disconnected(self) -> None:
        self._up.clear()
        self._tell_all_lost()
        if not self._closing:
            self._tell_down("lost NATS at %s, waiting for it: %s")

    async def _on_connected(self) -> None:
        self._up.set()
        if self._told_down:
            log.info("NATS at %s is back", self._shown)
        self._told_down = False

    async def _on_closed(self) -> None:
        if not self._closing:
            self.spawn(self._open_again())

    async def _open_again(self) -> None:
        while True:
            try:
                await self.open()
                return
            except (nats.errors.Error, OSError, BusUnavailable) as error:
                log.debug("connecting anew: %s", error)
            await asyncio.sleep(RECONNECT_WAIT)

    def _tell_down(self, line: str) -> None:
        if not self._told_down:
            self._told_down = True
            reason = self._last_error
            log.warning(line, self._shown, str(reason) or type(reason).__name__)


class Inbox:
    """An address of its own, and who gets what comes there."""

    def __init__(self, subject: str, sink: Sink) -> None:
        self.subject = subject
        self.sink = sink
        self.subscription: Subscription | None = None

    async def take(self, message: Msg) -> None:
        """Called by nats-py for each message."""
        self.sink(message)


async def _until_done(work: Coroutine[object, object, object]) -> None:
    """Wait for work of nats-py's, which a cancellation ends for certain.

    `asyncio.wait_for` of Python 3.11, which it uses, forgets that it is cancelled if what it waits
    for ends at the same moment (python/cpython#86296): it would go on connecting for ever.
    """
    doing = asyncio.ensure_future(work)
    try:
        await asyncio.shield(doing)
    except asyncio.CancelledError:
        while not doing.done():
            doing.cancel()
            await asyncio.wait([doing], timeout=RECONNECT_WAIT)
        await asyncio.gather(doing, return_exceptions=True)
        raise


async def _subscribe(
    client: Client, subject: str, take: Callable[[Msg], Awaitable[None]]
) -> Subscription:
    # Limits of 0 are no limits: with any, nats-py drops what comes too fast.
    return await cast("_Subscribes", client).subscribe(
        subject, cb=take, pending_msgs_limit=0, pending_bytes_limit=0
    )


def _without_password(url: str) -> str:
    return f"{urlsplit(url).scheme or 'nats'}://{urlsplit(url).netloc.rpartition('@')[2]}"


def _nuid(client: Client) -> str:
    return client.new_inbox().rpartition(".")[2]
