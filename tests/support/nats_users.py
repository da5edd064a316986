"""A nats-server on which every user of `shared.rights` has its own password."""

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from nats.aio.client import Client

from deploy.local.servers import LocalServer, new_nats
from shared.rights import UserName, inbox_prefix
from shared.settings import NatsSettings


class NatsWithUsers(LocalServer):
    """A nats-server for tests of what users may do."""

    def __init__(self, folder: Path) -> None:
        self.server = new_nats(folder)
        super().__init__(self.server, folder / "nats.log")

    def settings(self, name: UserName) -> NatsSettings:
        """How one user reaches it."""
        return self.server.settings_of(name)

    @asynccontextmanager
    async def client(self, name: UserName) -> AsyncGenerator["UserClient"]:
        """A connection of a user's, which keeps what the server said against it."""
        client = UserClient()
        settings = self.settings(name)
        await client.connect(
            settings.nats_url,
            user=settings.nats_user,
            password=settings.nats_password,
            inbox_prefix=inbox_prefix(name),
            error_cb=client.hear,
        )
        yield client
        await client.close()


class UserClient(Client):
    """nats-py's client, asked whether something is allowed."""

    def __init__(self) -> None:
        super().__init__()
        self._said: list[str] = []

    async def hear(self, error: Exception) -> None:
        """Keep what the server says; see nats-py's `error_cb`."""
        self._said.append(str(error).lower())

    async def may_publish(self, subject: str) -> bool:
        """Whether the server takes a message."""
        return await self._is_allowed(lambda: self.publish(subject, b"{}"))

    async def may_subscribe(self, subject: str) -> bool:
        """Whether the server lets it listen."""

        async def listen() -> None:
            # nats-py's own annotation of a callback's future is incomplete.
            subscription = await self.subscribe(subject)  # pyright: ignore[reportUnknownMemberType]
            await self.flush()
            await subscription.unsubscribe()

        return await self._is_allowed(listen)

    async def _is_allowed(self, attempt: Callable[[], Awaitable[None]]) -> bool:
        self._said.clear()
        await attempt()
        # The server answers in order, but nats-py's ping overtakes what is not sent yet: that is
        # sent by the time of the first answer, and answered before the second.
        await self.flush()
        await self.flush()
        assert all("permissions violation" in said for said in self._said), self._said
        return not self._said
