"""Makes a generation: what the store and the streams hold, while the site works on.

    store → EVENTS, DEAD, SUBMIT, buckets → JOBS → store again → erasures → manifest

JOBS comes after EVENTS, so that no version is announced of which the job is missing; and the store
once more after JOBS, so that each job's audio is there.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from deploy.backup.folder import (
    OBJECTS,
    BackupFolder,
    File,
    Generation,
    Kept,
    Manifest,
    Progress,
    Stored,
    write_lines,
)
from deploy.backup.forget import announced, scrub
from shared.bus import Bus
from shared.erasure import latest, tombstones
from shared.errors import ObjectMissing
from shared.object_store import ObjectStore, StoredObject
from shared.topology import JOBS, Topology


class Saving:
    """One run."""

    def __init__(
        self,
        folder: BackupFolder,
        store: ObjectStore,
        bus: Bus,
        topology: Topology,
        progress: Progress,
    ) -> None:
        self._folder = folder
        self._store = store
        self._bus = bus
        self._streams = _in_order([stream.name for stream in topology.streams])
        self._filters = {stream.name: list(stream.subjects) for stream in topology.streams}
        self._progress = progress

    async def run(self, keep: int) -> Generation:
        """Make a generation, and keep so many. Raises Unavailable, BackupError, OSError."""
        created = datetime.now(UTC)
        partial = self._folder.begin(created)
        known = self._folder.fetched()
        objects = await self._objects(known)
        files = [await self._stream(partial, name) for name in self._streams]
        objects = await self._objects(known)
        files.append(write_lines(partial / OBJECTS, objects))
        generation = self._folder.finish(partial, Manifest(created=created, files=files))
        await self._erasures(generation)
        self._folder.sweep(keep)
        self._folder.journal().unlink(missing_ok=True)
        return self._folder.generations()[-1]

    async def _objects(self, known: dict[str, Stored]) -> list[Stored]:
        """Everything that the store holds, fetched where it is not here yet."""
        found: list[Stored] = []
        fetched = 0
        with self._folder.journal().open("ab") as journal:
            async for item in self._store.list(""):
                stored = known.get(item.key)
                same = stored is not None and (stored.stamp, stored.size) == (item.stamp, item.size)
                if stored is None or not same or not self._folder.has(stored):
                    stored = await self._fetch(item)
                    if stored is None:
                        continue
                    fetched += stored.size
                    known[item.key] = stored
                    journal.write(msgspec.json.encode(stored) + b"\n")
                    journal.flush()
                found.append(stored)
                self._progress("objects", len(found))
        self._progress("bytes fetched", fetched)
        return found

    async def _fetch(self, item: StoredObject) -> Stored | None:
        draft = self._folder.folder / "objects" / "draft"
        try:
            await self._store.get_file(item.key, draft)
        except ObjectMissing:
            return None  # deleted since it was listed
        size = draft.stat().st_size
        sha256 = self._folder.keep(draft)
        # Stored anew in between, its stamp is not that of what was fetched: next time it is again.
        stamp = item.stamp if size == item.size else ""
        return Stored(key=item.key, size=size, sha256=sha256, stamp=stamp)

    async def _stream(self, partial: Path, name: str) -> File:
        kept: list[Kept] = []
        async for batch in self._bus.read(name, self._filters[name]):
            kept += [Kept(subject=m.subject, headers=dict(m.headers), data=m.data) for m in batch]
            self._progress(name, len(kept))
        return write_lines(partial / f"{name}.jsonl", kept)

    async def _erasures(self, generation: Generation) -> None:
        stones = latest(
            self._folder.erased(),
            announced(generation.messages("EVENTS")),
            [stone async for stone in tombstones(self._store)],
        )
        self._folder.write_erased(stones.values())
        self._progress("erased from older backups", scrub(self._folder, stones))


def _in_order(names: Sequence[str]) -> list[str]:
    """JOBS last."""
    return sorted(names, key=lambda name: name == JOBS.name)
