"""What stays of a recording that was deleted, and what keeps one from being deleted.

A tombstone holds the recording's id, which is a hash, and a time; nothing of what was said, by
whom, or where. It outlives the recording, so that nothing from before it comes back: no spooled
retry, no message that is delivered again, no worker that was about to store its transcript, no
backup. What is sent anew after it is a new recording.
"""

from collections.abc import AsyncIterator, Iterable, Mapping
from datetime import datetime
from typing import Annotated, TypeVar

from msgspec import Meta, Struct

from shared import object_keys
from shared.errors import BadMessage, ObjectMissing
from shared.identity import RECORDING_ID
from shared.keeping import Reason
from shared.messages import Recording, decode, encode
from shared.object_store import ObjectStore

S = TypeVar("S", bound=Struct)


class Tombstone(Struct, frozen=True, kw_only=True):
    """A recording was erased: whatever is of it from before this time must not come back."""

    recording: Annotated[str, Meta(description="Recording id")]
    time: Annotated[datetime, Meta(description="When its deletion was asked for or decided")]
    reason: Annotated[Reason, Meta(description="Why it was deleted")]


class Hold(Struct, frozen=True, kw_only=True):
    """Nothing of a recording may be deleted."""

    by: Annotated[str, Meta(min_length=1, max_length=200, description="Who wants it kept")]
    why: Annotated[str, Meta(min_length=1, max_length=1000, description="Why")]
    since: Annotated[datetime, Meta(description="Since when")]


class Forgotten(Struct, frozen=True, kw_only=True):
    """A recording's audio was deleted."""

    time: Annotated[datetime, Meta(description="When")]
    reason: Annotated[Reason, Meta(description="Why")]


async def read(store: ObjectStore, key: str, kind: type[S]) -> S | None:
    """An object of ours; None if there is none that can be read. Raises StoreUnavailable."""
    try:
        return decode(await store.get(key), kind)
    except (ObjectMissing, BadMessage):
        return None


async def tombstone(store: ObjectStore, recording: str) -> Tombstone | None:
    """A recording's tombstone. Raises StoreUnavailable."""
    key = object_keys.tombstone(recording)
    # Nearly always there is none, and to be told so costs the least.
    return None if await store.stat(key) is None else await read(store, key, Tombstone)


async def tombstones(store: ObjectStore) -> AsyncIterator[Tombstone]:
    """Every tombstone of the store. Raises StoreUnavailable."""
    async for item in store.list(object_keys.ERASED):
        if found := await read(store, item.key, Tombstone):
            yield found


async def bury(store: ObjectStore, stone: Tombstone) -> None:
    """Put a tombstone, unless a later one stands. Raises StoreUnavailable."""
    found = await tombstone(store, stone.recording)
    if found is None or found.time < stone.time:
        await store.put(object_keys.tombstone(stone.recording), encode(stone))


async def unbury(store: ObjectStore, stone: Tombstone) -> None:
    """Take back a tombstone that `bury` put, if it still stands. Raises StoreUnavailable."""
    if await tombstone(store, stone.recording) == stone:
        await store.delete(object_keys.tombstone(stone.recording))


async def is_erased(store: ObjectStore, recording: str) -> bool:
    """Whether a recording was erased, and not sent anew since. Raises StoreUnavailable."""
    stone = await tombstone(store, recording)
    return stone is not None and not await lives_again(store, stone)


async def lives_again(store: ObjectStore, stone: Tombstone) -> bool:
    """Whether the recording was accepted anew after it was erased. Raises StoreUnavailable."""
    found = await read(store, object_keys.record(stone.recording), Recording)
    return found is not None and found.received > stone.time


def latest(*ledgers: Iterable[Tombstone]) -> Mapping[str, Tombstone]:
    """The latest tombstone of each recording, from wherever they are known."""
    found: dict[str, Tombstone] = {}
    for ledger in ledgers:
        for stone in ledger:
            known = found.get(stone.recording)
            if RECORDING_ID.match(stone.recording) and (known is None or known.time < stone.time):
                found[stone.recording] = stone
    return found
