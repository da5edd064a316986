"""The erasures that this node was asked for: on its disk before the answer, and from then on.

    erasures/<recording>.json in the spool     an `Erasure`

One that is not done is carried out as soon as store and bus are there. One that is done is kept: if
the store is lost and restored from an older backup, it is carried out again.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from services.ingest import disk
from shared.erasure import Tombstone
from shared.errors import SettingError
from shared.keeping import Reason
from shared.messages import encode

FOLDER = "erasures"


class Erasure(Struct, frozen=True, kw_only=True):
    """That a recording is to be erased, or was."""

    recording: Annotated[str, Meta(description="Recording id")]
    time: Annotated[datetime, Meta(description="When it was asked for")]
    reason: Annotated[Reason, Meta(description="Why")] = "request"
    done: Annotated[bool, Meta(description="Whether it was carried out")] = False

    @property
    def stone(self) -> Tombstone:
        """What stays of it in the store."""
        return Tombstone(recording=self.recording, time=self.time, reason=self.reason)


class Erasures:
    """The ledger of one node."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._known: dict[str, Erasure] = {}

    def open(self) -> None:
        """Find what earlier processes were asked for. Blocks. Raises SettingError."""
        disk.make_folder(self._folder)
        for path in self._folder.glob("*.json"):
            try:
                erasure = msgspec.json.decode(path.read_bytes(), type=Erasure)
            except msgspec.DecodeError as error:
                # Never half-written: it is renamed into its place. Nobody may lose it silently.
                raise SettingError(f"{path} cannot be read ({error}): restore it") from error
            self._known[erasure.recording] = erasure

    def note(self, recording: str) -> Erasure:
        """Remember durably that a recording is to be erased; one that is pending stands. Blocks.

        Raises OSError.
        """
        found = self._known.get(recording)
        if found is None or found.done:
            found = Erasure(recording=recording, time=datetime.now(UTC))
            self._write(found)
        return found

    def finish(self, erasure: Erasure) -> None:
        """It was carried out. Blocks. Raises OSError."""
        self._write(msgspec.structs.replace(erasure, done=True))

    def drop(self, erasure: Erasure) -> None:
        """It must not be carried out. Blocks. Raises OSError."""
        self._path(erasure.recording).unlink(missing_ok=True)
        disk.sync_folder(self._folder)
        self._known.pop(erasure.recording, None)

    def is_pending(self, recording: str) -> bool:
        """Whether its erasure was asked for, and is not done."""
        found = self._known.get(recording)
        return found is not None and not found.done

    @property
    def pending(self) -> Sequence[Erasure]:
        """Those that are still to be carried out."""
        return [each for each in self._known.values() if not each.done]

    @property
    def done(self) -> Sequence[Erasure]:
        """Those that were carried out."""
        return [each for each in self._known.values() if each.done]

    def _path(self, recording: str) -> Path:
        return self._folder / f"{recording}.json"

    def _write(self, erasure: Erasure) -> None:
        draft = self._folder / f"{erasure.recording}.new"
        disk.write(draft, encode(erasure))
        draft.rename(self._path(erasure.recording))
        disk.sync_folder(self._folder)
        self._known[erasure.recording] = erasure
