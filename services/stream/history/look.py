"""A recording as the store has it, read for the history."""

import asyncio
from collections.abc import Collection
from typing import TypeVar

from msgspec import Struct

from services.stream.history import rows
from services.stream.history.rows import Stored, Version
from shared import object_keys
from shared.erasure import Forgotten, Tombstone, read
from shared.errors import BadMessage, ObjectMissing
from shared.messages import Failed, Recording, Transcript, VersionRequest, decode
from shared.object_store import ObjectStore

S = TypeVar("S", bound=Struct)


async def look(
    store: ObjectStore, id: str, keys: Collection[str] | None = None, *, buried: bool = True
) -> Stored | None:
    """A recording; None if the store does not have it, or has it no longer.

    `keys`: those of its objects; they are listed if None. `buried`: whether there may be a
    tombstone. Raises StoreUnavailable.
    """
    if keys is None:
        keys = [item.key async for item in store.list(object_keys.recording_prefix(id))]
    if object_keys.record(id) not in keys:
        return None
    try:
        record = await store.get(object_keys.record(id))
        recording = decode(record, Recording)
    except (ObjectMissing, BadMessage):
        return None
    if buried and await _is_buried(store, recording):
        return None
    numbers = {n for key in keys if (n := object_keys.version_of(key)) is not None}
    found = await asyncio.gather(*(look_at_version(store, id, n, keys) for n in sorted(numbers)))
    forgotten = await _if_there(store, object_keys.forgotten(id), Forgotten, keys)
    return Stored(
        recording, record, {each.number: each for each in found}, forgotten and forgotten.time
    )


async def look_at_version(
    store: ObjectStore, id: str, number: int, keys: Collection[str] | None = None
) -> Version:
    """One version; `keys` as above, every one is tried if None. Raises StoreUnavailable."""
    request, transcript = await asyncio.gather(
        _if_there(store, object_keys.request(id, number), VersionRequest, keys),
        _if_there(store, object_keys.transcript(id, number), Transcript, keys),
    )
    failed = None
    if transcript is None:
        failed = await _if_there(store, object_keys.failed(id, number), Failed, keys)
    return rows.version_row(number, request, transcript, failed)


async def _if_there(
    store: ObjectStore, key: str, kind: type[S], keys: Collection[str] | None
) -> S | None:
    return await read(store, key, kind) if keys is None or key in keys else None


async def _is_buried(store: ObjectStore, recording: Recording) -> bool:
    stone = await read(store, object_keys.tombstone(recording.id), Tombstone)
    return stone is not None and stone.time >= recording.received
