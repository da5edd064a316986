"""A receiver of webhooks that is away now and then, and does not take everything at once."""

import asyncio
import random
from collections import Counter
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from standardwebhooks.webhooks import WebhookVerificationError

from shared.bus import Bus
from tests.chaos.history import Posted
from tests.support.hooks import Hook, Post, hooks, put, receiver, verified

SETTINGS = {
    "ECHOBASE_WEBHOOK_ALLOW": "127.0.0.0/8",
    # It may be away for long, and is never given up.
    "ECHOBASE_WEBHOOK_RETRIES": ",".join(["0.5s", "1s", *["2s"] * 200]),
    "ECHOBASE_WEBHOOK_TIMEOUT": "5",
}
_LONGEST_UP = 12.0
_LONGEST_AWAY = 4.0
_SOME = 3
"""One of so many events is not taken at first."""
_GOOD, _BAD = 204, 500


class Mailbox:
    """What it got, and how it answered."""

    def __init__(self, seed: int) -> None:
        self._chance = random.Random(f"webhooks {seed}")
        self._hook = Hook(answer=self._answer)
        self._secret = ""
        self._tries: Counter[tuple[str, int, str]] = Counter()
        self.id = ""
        """The receiver's."""
        self.posts: list[Posted] = []

    @asynccontextmanager
    async def open(self, bus: Bus) -> AsyncGenerator[None]:
        """Listen, and be known to the site. Raises BusUnavailable."""
        async with hooks(self._hook):
            made = receiver(self._hook.url)
            self.id, self._secret = made.id, made.secrets[0]
            await put(bus, made)
            yield

    async def run(self) -> None:
        """Be away now and then, until cancelled; then it is there."""
        while True:
            await asyncio.sleep(self._chance.uniform(1.0, _LONGEST_UP))
            try:
                await self._hook.stop()
                await asyncio.sleep(self._chance.uniform(0.0, _LONGEST_AWAY))
            finally:
                await self._hook.start()

    def _answer(self, post: Post) -> int:
        data, version = post.data, post.data["version"]
        assert isinstance(version, int)
        key = post.recording, version, str(post.content["type"])
        self._tries[key] += 1
        # The first of all, too: a run may be short.
        bad = self._tries[key] == 1 and len(self._tries) % _SOME == 1
        text = data.get("text")
        self.posts.append(
            Posted(
                id=post.id,
                type=key[2],
                recording=key[0],
                version=version,
                text=text if isinstance(text, str) else None,
                taken=not bad,
                signed=self._is_signed(post),
            )
        )
        return _BAD if bad else _GOOD

    def _is_signed(self, post: Post) -> bool:
        try:
            verified(post, self._secret)
        except WebhookVerificationError:
            return False
        return True
