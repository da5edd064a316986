"""The walk over the store: every recording that it has, in the order of their ids.

One listing of the bucket tells which objects there are; a few recordings are read at a time, so
that neither memory nor the store's other readers suffer.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import dataclass

from services.stream.history.look import look
from services.stream.history.rows import Stored
from shared import object_keys
from shared.identity import RECORDING_ID
from shared.object_store import ObjectStore, StoredObject

BATCH = 48
"""Recordings that are written at once."""
AT_ONCE = 6
"""Recordings that are read at once; the store's client has eight connections."""


@dataclass(frozen=True)
class Stretch:
    """What the store has of a stretch of ids: after one, up to another."""

    after: str
    last: str | None
    """None: up to the end."""
    found: list[Stored]


@dataclass(frozen=True)
class _Folder:
    id: str
    keys: set[str]
    buried: bool


async def walk(store: ObjectStore) -> AsyncGenerator[Stretch]:
    """The whole store, stretch by stretch. Raises StoreUnavailable."""
    after = ""
    batch: list[_Folder] = []
    async for folder in _folders(store):
        batch.append(folder)
        if len(batch) == BATCH:
            yield Stretch(after, folder.id, await _read(store, batch))
            after, batch = folder.id, []
    yield Stretch(after, None, await _read(store, batch))


async def _read(store: ObjectStore, batch: list[_Folder]) -> list[Stored]:
    gate = asyncio.Semaphore(AT_ONCE)

    async def one(folder: _Folder) -> Stored | None:
        async with gate:
            return await look(store, folder.id, folder.keys, buried=folder.buried)

    found = await asyncio.gather(*map(one, batch))
    return [each for each in found if each is not None]


async def _folders(store: ObjectStore) -> AsyncIterator[_Folder]:
    """Each recording's objects, and whether it has a tombstone."""
    stones = _Ordered(store.list(object_keys.ERASED))
    id, keys = "", set[str]()
    async for item in store.list(object_keys.RECORDINGS):
        found = item.key.removeprefix(object_keys.RECORDINGS).partition("/")[0]
        if found != id:
            if keys:
                yield _Folder(id, keys, await stones.has(object_keys.tombstone(id)))
            id, keys = found, set[str]()
        if RECORDING_ID.match(found):
            keys.add(item.key)
    if keys:
        yield _Folder(id, keys, await stones.has(object_keys.tombstone(id)))


class _Ordered:
    """Answers whether a listing has a key; the keys that are asked for must ascend."""

    def __init__(self, listing: AsyncIterator[StoredObject]) -> None:
        self._listing = listing
        self._at = ""

    async def has(self, key: str) -> bool:
        while self._at < key:
            try:
                self._at = (await anext(self._listing)).key
            except StopAsyncIteration:
                return False
        return self._at == key
