"""Brings a generation back, without what was erased, before or after it was made.

    tombstones → store → EVENTS, DEAD, SUBMIT, buckets → JOBS

Done again, it goes on where it was. The streams are those of the target, and their sequences new:
readers that come back with an older id are told of a `gap`.
"""

import mimetypes
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path

import msgspec

from deploy.backup.errors import BackupError
from deploy.backup.folder import BackupFolder, Generation, Kept, Progress, digest
from deploy.backup.forget import Erased, announced
from shared import object_keys
from shared.bus import Bus, Message
from shared.erasure import Tombstone, bury, latest, tombstones
from shared.object_store import ObjectStore
from shared.topology import EVENTS, JOBS, Topology

MARKER = "restoring.json"
"""In the store while a restore is not finished."""
_LEDGER = "spool/erasures"


class Restore:
    """One run."""

    def __init__(
        self, folder: BackupFolder, store: ObjectStore, bus: Bus, topology: Topology
    ) -> None:
        self._folder = folder
        self._store = store
        self._bus = bus
        self._topology = topology

    async def run(
        self, generation: Generation, more: Iterable[Tombstone], force: bool, progress: Progress
    ) -> Mapping[str, Tombstone]:
        """Bring it back; returns every erasure that was heeded.

        `more`: erasures that are known elsewhere. `force`: into a store that is not empty. Raises
        BackupError, Unavailable.
        """
        generation.check()
        await self._store.ensure()
        await self._bus.ensure(self._topology)
        await self._begin(generation, force)
        stones = await self._stones(generation, more)
        for stone in stones.values():
            await bury(self._store, stone)
        erased = Erased(self._folder, generation, stones)
        await self._objects(generation, erased, progress)
        names = sorted(generation.streams(), key=lambda name: name == JOBS.name)
        for name in names:
            await self._stream(name, generation.messages(name), erased, progress)
        await self._store.delete(MARKER)
        return stones

    async def _begin(self, generation: Generation, force: bool) -> None:
        if await self._store.stat(MARKER) is not None:
            if await self._store.get(MARKER) != generation.name.encode() and not force:
                raise BackupError("another backup was being brought back: finish that, or --force")
        elif not force:
            async for name in self._store.folders(object_keys.RECORDINGS):
                raise BackupError(f"the store is not empty (it has {name}): --force, to add to it")
        await self._store.put(MARKER, generation.name.encode())

    async def _stones(
        self, generation: Generation, more: Iterable[Tombstone]
    ) -> Mapping[str, Tombstone]:
        live = [
            Kept(subject=m.subject, headers={}, data=m.data)
            async for batch in self._bus.read(EVENTS.name, list(EVENTS.subjects))
            for m in batch
        ]
        return latest(
            self._folder.erased(),
            announced(generation.messages(EVENTS.name)),
            announced(live),
            [stone async for stone in tombstones(self._store)],
            more,
        )

    async def _objects(self, generation: Generation, erased: Erased, progress: Progress) -> None:
        count = 0
        for stored in generation.objects():
            if erased.object(stored) or stored.key == MARKER:
                continue
            if stored.key.startswith(object_keys.ERASED):
                continue  # put by the latest of what is known
            found = await self._store.stat(stored.key)
            if found is None or found.size != stored.size:
                path = self._folder.blob(stored.sha256)
                if not path.is_file() or digest(path) != stored.sha256:
                    raise BackupError(f"the backup is damaged: {stored.key} ({path})")
                await self._store.put_file(stored.key, path, content_type=_type(stored.key))
            count += 1
            progress("objects", count)

    async def _stream(
        self, name: str, messages: Iterable[Kept], erased: Erased, progress: Progress
    ) -> None:
        there = await self._there(name)
        count = 0
        for kept in messages:
            if erased.message(kept):
                continue
            if there[kept.digest] > 0:
                there[kept.digest] -= 1
            else:
                await self._bus.publish(Message(kept.subject, kept.data, kept.headers))
            count += 1
            progress(name, count)

    async def _there(self, name: str) -> Counter[bytes]:
        """What the stream holds already, brought back by a run that was cut off."""
        filters = [
            s for stream in self._topology.streams if stream.name == name for s in stream.subjects
        ]
        return Counter(
            [
                Kept(subject=m.subject, headers=dict(m.headers), data=m.data).digest
                async for batch in self._bus.read(name, filters)
                for m in batch
            ]
        )


def on_disk(data: Path) -> list[Tombstone]:
    """The erasures that an ingest has on its own disk, below a data folder."""
    paths = sorted((data / _LEDGER).glob("*.json"))
    return [msgspec.json.decode(path.read_bytes(), type=Tombstone) for path in paths]


def _type(key: str) -> str:
    return mimetypes.guess_type(key)[0] or "application/octet-stream"
