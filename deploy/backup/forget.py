"""What of a generation must not come back, and how it is taken out of the folder."""

import shutil
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime

from deploy.backup.folder import (
    OBJECTS,
    BackupFolder,
    File,
    Generation,
    Kept,
    Manifest,
    Stored,
    write_lines,
)
from shared import object_keys
from shared.erasure import Tombstone
from shared.messages import Deleted, Recording, decode
from shared.of_recording import deleted_recording, of_recording


def recording_of(key: str) -> str | None:
    """The recording to which an object belongs."""
    prefix, _, rest = key.partition("/")
    return rest.partition("/")[0] if f"{prefix}/" == object_keys.RECORDINGS and rest else None


class Erased:
    """Which recordings of a generation were erased, given every erasure that is known."""

    def __init__(
        self, folder: BackupFolder, generation: Generation, stones: Mapping[str, Tombstone]
    ) -> None:
        received: dict[str, datetime] = {}
        self._digests: dict[str, str] = {}
        for stored in generation.objects():
            self._digests[stored.key] = stored.sha256
            id = recording_of(stored.key)
            if id is not None and id in stones and stored.key == object_keys.record(id):
                data = folder.blob(stored.sha256).read_bytes()
                received[id] = decode(data, Recording).received
        # Sent again after its erasure, a recording is a new one, and stays.
        self.ids = frozenset(
            id for id, stone in stones.items() if id not in received or received[id] <= stone.time
        )

    def object(self, stored: Stored) -> bool:
        """Whether an object is of one of them."""
        return recording_of(stored.key) in self.ids

    def message(self, kept: Kept) -> bool:
        """Whether a message is of one of them; the announcement of the erasure is not."""
        id = of_recording(kept.subject, kept.headers, kept.data, self._digests.get)
        return id in self.ids and deleted_recording(kept.subject, kept.data) is None


def announced(messages: Iterable[Kept]) -> Iterator[Tombstone]:
    """The erasures that events tell of."""
    for kept in messages:
        if deleted_recording(kept.subject, kept.data) is not None:
            event = decode(kept.data, Deleted)
            yield Tombstone(recording=event.recording, time=event.time, reason=event.reason)


def scrub(folder: BackupFolder, stones: Mapping[str, Tombstone]) -> int:
    """Take what was erased out of every generation; returns how many objects and messages."""
    return sum(_scrub(folder, generation, stones) for generation in folder.generations())


def _scrub(folder: BackupFolder, generation: Generation, stones: Mapping[str, Tombstone]) -> int:
    erased = Erased(folder, generation, stones)
    manifest = generation.manifest
    partial = folder.begin_again(generation)
    files: list[File] = []
    for file in manifest.files:
        path = partial / file.name
        if file.name == OBJECTS:
            made = write_lines(path, (o for o in generation.objects() if not erased.object(o)))
        else:
            kept = generation.messages(path.stem)
            made = write_lines(path, (m for m in kept if not erased.message(m)))
        files.append(made)
    gone = sum(file.lines for file in manifest.files) - sum(file.lines for file in files)
    if gone:
        folder.finish(partial, Manifest(created=manifest.created, files=files))
        folder.remove(generation)
    else:
        shutil.rmtree(partial)
    return gone
