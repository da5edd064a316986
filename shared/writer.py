"""The one writer of a version's events (guarantee 2).

Every publish carries a fence: the last sequence that the writer knows of its version. If the
server's answer is lost, the message may be stored or not; sending it again is then refused by the
writer's own fence. So on a refusal the writer looks at the version's last message, and goes on if
that is one that it sent itself.
"""

import asyncio
import random
from collections.abc import Sequence

from shared import subjects
from shared.bus import Bus, Fence, Message
from shared.envelope import ID, event_message
from shared.errors import BusUnavailable, FenceLost
from shared.messages import Event
from shared.topology import EVENTS

FIRST_WAIT = 0.05
LONGEST_WAIT = 2.0


class VersionWriter:
    """The only publisher of one version's events, from a known last sequence on.

    While the bus is away it tries again, for `patience` seconds or (None) for ever.
    """

    def __init__(
        self,
        bus: Bus,
        source: str,
        channel: str,
        recording: str,
        version: int,
        last_sequence: int = 0,
        patience: float | None = None,
        service: str | None = None,
    ) -> None:
        """`service`: who says it; the one that says such things as a rule if None."""
        self._bus = bus
        self._scope = subjects.version_events(source, channel, recording, version)
        self._last = last_sequence
        self._patience = patience
        self._service = service
        self._in_doubt: set[str] = set()
        self._turn = asyncio.Lock()

    @property
    def last_sequence(self) -> int:
        """Sequence of the version's last event as far as this writer knows."""
        return self._last

    async def publish(self, event: Event) -> int:
        """Store an event; returns its sequence.

        Raises FenceLost if another writer has written since, BusUnavailable if the bus stayed
        away for longer than `patience`.
        """
        return await self._send([event_message(event, self._service)])

    async def publish_all(self, events: Sequence[Event]) -> int:
        """Store all events or none; returns the last one's sequence. Raises as `publish` does."""
        if not events:
            return self._last
        return await self._send([event_message(event, self._service) for event in events])

    async def _send(self, messages: Sequence[Message]) -> int:
        async with self._turn:
            loop = asyncio.get_running_loop()
            give_up = None if self._patience is None else loop.time() + self._patience
            wait = FIRST_WAIT
            while True:
                try:
                    return await self._try(messages)
                except BusUnavailable:
                    if give_up is not None and loop.time() + wait > give_up:
                        raise
                await asyncio.sleep(wait * random.uniform(0.5, 1.0))  # noqa: S311  no secret
                wait = min(LONGEST_WAIT, wait * 2)

    async def _try(self, messages: Sequence[Message]) -> int:
        own = messages[-1].headers[ID]
        self._in_doubt.add(own)
        while True:
            fence = Fence(self._scope, self._last)
            try:
                if len(messages) == 1:
                    sequence = (await self._bus.publish(messages[0], fence)).sequence
                else:
                    sequence = await self._bus.publish_batch(messages, fence)
                break
            except FenceLost:
                sequence, stored = await self._adopt()
                if stored == own:
                    break
                # An earlier message, whose publish was cancelled before its answer came, is
                # stored: ours comes after it.
                self._last = sequence
        self._last = sequence
        self._in_doubt.clear()
        return sequence

    async def _adopt(self) -> tuple[int, str]:
        """Sequence and id of the version's last message, if it is one that we sent."""
        last = await self._bus.last(EVENTS.name, self._scope)
        if (
            last is None
            or last.headers.get(ID) not in self._in_doubt
            or last.sequence <= self._last
        ):
            raise FenceLost(f"{self._scope}: another writer owns this version now")
        return last.sequence, last.headers[ID]
