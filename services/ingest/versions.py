"""Version numbers: asked for with the same options it is the existing version, else the next.

A number belongs to whoever stores `request.json` under it first: the store decides that by
`If-None-Match`.
"""

from typing import NamedTuple

from services.ingest.entry import Entry
from shared import object_keys
from shared.errors import BadMessage, ObjectMissing
from shared.messages import VersionRequest, decode, encode
from shared.object_store import ObjectStore


class Claim(NamedTuple):
    """The version that an entry has become."""

    version: int
    ours: bool
    """Whether this very entry asked for it, now or before a crash; else someone else did."""


async def claim(store: ObjectStore, entry: Entry) -> Claim:
    """The version of an entry: its own, or the existing one with equal options.

    Raises Unavailable, or CannotSucceed if the store refuses.
    """
    # Nearly every recording is new, and needs no listing.
    if await _put(store, entry, 1):
        return Claim(1, ours=True)
    while True:
        numbers = await _numbers(store, entry.recording.id)
        for number in numbers:
            found = await _request(store, entry.recording.id, number)
            if found is None or found.correction is not None:
                continue
            if found.options == entry.options:
                return Claim(number, ours=found.requested == entry.asked)
        number = max(numbers, default=0) + 1
        if await _put(store, entry, number):
            return Claim(number, ours=True)


async def _put(store: ObjectStore, entry: Entry, number: int) -> bool:
    key = object_keys.request(entry.recording.id, number)
    return await store.put_if_absent(key, encode(entry.request(number)))


async def _numbers(store: ObjectStore, recording: str) -> list[int]:
    found: set[int] = set()
    async for item in store.list(object_keys.versions_prefix(recording)):
        number = object_keys.version_of(item.key)
        if number is not None:
            found.add(number)
    return sorted(found)


async def _request(store: ObjectStore, recording: str, number: int) -> VersionRequest | None:
    try:
        return decode(await store.get(object_keys.request(recording, number)), VersionRequest)
    except (ObjectMissing, BadMessage):
        return None  # A version that was not asked for by anyone, or by a later release.
