"""A key-value bucket on the bus, as NATS has them: `nats kv get|ls|watch` reads it too.

A bucket is a stream (`shared.topology.bucket`) that keeps the last message of each subject
`$KV.<bucket>.<key>`; a deletion is an empty message with a header. A value's revision is its
message's sequence.
"""

import asyncio
import logging
import re
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from typing import NamedTuple

from shared.bus import Bus, Fence, Message, StoredMessage, StreamReset
from shared.errors import BusUnavailable, FenceLost
from shared.topology import Stream

log = logging.getLogger(__name__)

FIRST_PAUSE = 0.05
LONGEST_PAUSE = 2.0
_OPERATION = "KV-Operation"
_DELETE = "DEL"
_GONE = frozenset({_DELETE, "PURGE"})
_KEY = re.compile(r"[A-Za-z0-9_=-]{1,64}(\.[A-Za-z0-9_=-]{1,64})*\Z")


class Value(NamedTuple):
    """What a key holds."""

    data: bytes
    revision: int


Entries = Mapping[str, Value]
"""A bucket's content, by key."""


class KeyValue:
    """One bucket. Every method but `watch` may raise BusUnavailable."""

    def __init__(self, bus: Bus, bucket: Stream) -> None:
        """`bucket`: one of `shared.topology`, which someone has created, or will."""
        self._bus = bus
        self._stream = bucket.name
        self._prefix = bucket.subjects[0].removesuffix(">")

    async def get(self, key: str) -> Value | None:
        """What the key holds; None if nothing."""
        found = await self._bus.last(self._stream, self._subject(key))
        return None if found is None or _gone(found) else Value(found.data, found.sequence)

    async def contents(self) -> tuple[Entries, int]:
        """The whole content, and the latest revision in it, deletions included; 0 if none."""
        entries: dict[str, Value] = {}
        last = 0
        async for batch in self._bus.read(self._stream, [f"{self._prefix}>"]):
            last = self._apply(entries, batch)
        return entries, last

    async def put(self, key: str, data: bytes, expected: int | None = None) -> int:
        """Store a value; returns its revision.

        With `expected` only if the key still has that revision (0: if it holds nothing). Raises
        FenceLost if it has not.
        """
        return await self._store(key, Message(self._subject(key), data), expected)

    async def add(self, key: str, data: bytes) -> bool:
        """Store a value unless the key ever had one, even if that was deleted; whether it did."""
        try:
            await self._fenced(Message(self._subject(key), data), 0)
        except FenceLost:
            return False
        return True

    async def delete(self, key: str, expected: int | None = None) -> None:
        """Let the key hold nothing; `expected` as for `put`. Raises FenceLost."""
        message = Message(self._subject(key), b"", {_OPERATION: _DELETE})
        await self._store(key, message, expected)

    async def watch(self) -> AsyncGenerator[Entries]:
        """The whole content: at once, then after each change, for as long as it is iterated.

        A bus that is away is waited for. A bucket that was deleted and made again is given as it
        is then.
        """
        pause = FIRST_PAUSE
        while True:
            try:
                async with aclosing(self._watch()) as content:
                    async for entries in content:
                        pause = FIRST_PAUSE
                        yield entries
            except (BusUnavailable, StreamReset) as error:
                log.debug("watching %s: %s", self._stream, error)
            await asyncio.sleep(pause)
            pause = min(LONGEST_PAUSE, pause * 2)

    async def _watch(self) -> AsyncGenerator[Entries]:
        epoch = (await self._bus.state(self._stream)).epoch
        found, last = await self.contents()
        entries = dict(found)
        yield dict(entries)
        filters = [f"{self._prefix}>"]
        async for batch in self._bus.follow(self._stream, filters, last + 1, epoch):
            self._apply(entries, batch)
            yield dict(entries)

    def _apply(self, entries: dict[str, Value], batch: Sequence[StoredMessage]) -> int:
        """Bring the content up to date; returns the sequence up to which it then is."""
        for message in batch:
            key = message.subject.removeprefix(self._prefix)
            if _gone(message):
                entries.pop(key, None)
            else:
                entries[key] = Value(message.data, message.sequence)
        return batch[-1].sequence

    async def _store(self, key: str, message: Message, expected: int | None) -> int:
        if expected is None:
            return (await self._bus.publish(message)).sequence
        try:
            return await self._fenced(message, expected)
        except FenceLost:
            # What was deleted holds nothing, and yet has a revision: that of its deletion.
            found = await self._bus.last(self._stream, self._subject(key))
            if expected or found is None or not _gone(found):
                raise
            return await self._fenced(message, found.sequence)

    async def _fenced(self, message: Message, sequence: int) -> int:
        return (await self._bus.publish(message, Fence(message.subject, sequence))).sequence

    def _subject(self, key: str) -> str:
        if not _KEY.match(key):
            raise ValueError(f"not a key: {key!r}")
        return self._prefix + key


def _gone(message: StoredMessage) -> bool:
    return message.headers.get(_OPERATION) in _GONE
