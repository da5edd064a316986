"""A real receiver of webhooks, and the scene in which it gets some."""

import asyncio
import json
from collections import Counter
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import cast

import msgspec
from standardwebhooks.webhooks import Webhook

from services.stream.webhooks.receiver import Receiver, new_id, new_secret
from shared.bus import Bus
from shared.key_value import KeyValue
from shared.object_store import ObjectStore
from shared.topology import RECEIVERS
from tests.support.calls import Call
from tests.support.transcribing import eventually

PATIENCE = 30.0
"""Seconds after which what must happen counts as missing."""
QUICK = {
    "ECHOBASE_WEBHOOK_ALLOW": "127.0.0.0/8",
    "ECHOBASE_WEBHOOK_RETRIES": ",".join(["0.2s"] * 9),
    "ECHOBASE_WEBHOOK_TIMEOUT": "2",
    "ECHOBASE_ACK_WAIT": "1",
}
"""Settings with which retries come soon."""


@dataclass(frozen=True)
class Post:
    """What reached a receiver."""

    request: str
    """The request's first line."""
    headers: Mapping[str, str]
    body: bytes

    @property
    def id(self) -> str:
        return self.headers["webhook-id"]

    @property
    def content(self) -> dict[str, object]:
        return cast(dict[str, object], json.loads(self.body))

    @property
    def data(self) -> dict[str, object]:
        return cast(dict[str, object], self.content["data"])

    @property
    def recording(self) -> str:
        return str(self.data["recording"])


@dataclass
class Hook:
    """Listens on loopback; what it answers may be changed at any time."""

    status: int = 204
    """What it answers."""
    answer: Callable[[Post], int] | None = None
    """What it answers a post, if that is not always the same."""
    more: str = ""
    """Header lines of its answer."""
    pause: float = 0.0
    """Seconds before it answers."""
    posts: list[Post] = field(default_factory=list[Post])
    port: int = 0
    _server: asyncio.Server | None = None
    _open: set[asyncio.StreamWriter] = field(default_factory=set[asyncio.StreamWriter])

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook"

    @property
    def recordings(self) -> set[str]:
        return {post.recording for post in self.posts}

    def counted(self) -> Counter[str]:
        """How often each recording was posted."""
        return Counter(post.recording for post in self.posts)

    async def start(self) -> None:
        """Listen, where it did before."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        self.port = int(self._server.sockets[0].getsockname()[1])

    async def stop(self) -> None:
        """Refuse connections, and break those that there are."""
        assert self._server is not None
        self._server.close()
        for writer in list(self._open):
            writer.transport.abort()
        await self._server.wait_closed()

    async def got(self, holds: Callable[["Hook"], bool]) -> None:
        """Wait until it holds."""
        await until(lambda: holds(self))

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open.add(writer)
        try:
            post = await _read(reader)
            self.posts.append(post)
            if self.pause:
                await asyncio.sleep(self.pause)
            status = self.answer(post) if self.answer else self.status
            writer.write(f"HTTP/1.1 {status} X\r\n{self.more}content-length: 0\r\n\r\n".encode())
            await writer.drain()
        except (OSError, asyncio.IncompleteReadError):
            pass  # whoever posts has gone
        finally:
            self._open.discard(writer)
            writer.close()


async def _read(reader: asyncio.StreamReader) -> Post:
    head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
    pairs = [line.split(": ", 1) for line in head[1:] if line]
    headers = {name.lower(): value for name, value in pairs}
    return Post(head[0], headers, await reader.readexactly(int(headers["content-length"])))


@asynccontextmanager
async def hooks(*made: Hook) -> AsyncGenerator[None]:
    """Receivers that listen."""
    for hook in made:
        await hook.start()
    try:
        yield
    finally:
        for hook in made:
            await hook.stop()


def receiver(url: str, *filters: tuple[str, str], secrets: int = 1) -> Receiver:
    """A receiver, as `echobase webhooks add` makes one."""
    return Receiver(
        id=new_id(),
        url=url,
        secrets=tuple(new_secret() for _ in range(secrets)),
        filters=filters,
        created=datetime.now(UTC),
    )


async def put(bus: Bus, *receivers: Receiver) -> None:
    """Add or change receivers. A service that has just begun may not have made their bucket yet."""
    bucket = KeyValue(bus, RECEIVERS)
    for each in receivers:
        await eventually(partial(bucket.put, each.id, msgspec.json.encode(each)))


async def call(bus: Bus, store: ObjectStore, *, source: str = "county", text: str = "Hi") -> str:
    """A recording that is transcribed; its id."""
    made = Call(bus, source, "fire / west")
    await made.store_recording(store)
    await made.store_transcript(store, text)
    await made.whole(text)
    return made.recording


def verified(post: Post, secret: str) -> None:
    """Raises WebhookVerificationError unless it was signed with the secret."""
    Webhook(secret).verify(post.body, dict(post.headers))


async def until(holds: Callable[[], bool]) -> None:
    """Wait until it holds."""
    async with asyncio.timeout(PATIENCE):
        while not holds():  # noqa: ASYNC110  a server has no event to wait for
            await asyncio.sleep(0.02)
