"""What `apply` has done, line by line on the disk: after a power cut it goes on from there.

A line counts when it is whole; one that the power cut tore is dropped. A step may be done twice.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

import msgspec
from msgspec import Struct

from deploy.airgap import disk
from deploy.airgap.errors import AirgapError

Step = Literal[
    "restore", "images", "models", "secrets", "rollout", "wait", "prune", "commit", "tidy"
]
Outcome = Literal["installed", "rolled back", "given up"]


class Begun(Struct, frozen=True, tag="begun"):
    """A bundle is to be installed."""

    at: datetime
    to: str
    """Identity of the bundle."""
    version: str
    base: str | None
    """Identity of the bundle that was installed; the site falls back to it."""
    base_overlay: str | None
    """Which of that bundle's manifests are rolled out."""
    overlay: str | None
    """Which of the bundle's manifests are rolled out; none on a site without a cluster."""
    host: str
    """The site's name, for its certificate."""


class Done(Struct, frozen=True, tag="done"):
    """A step is done, forward or back."""

    at: datetime
    step: Step


class Back(Struct, frozen=True, tag="back"):
    """The bundle before is to come back."""

    at: datetime
    reason: str


class Ended(Struct, frozen=True, tag="ended"):
    """The task is over."""

    at: datetime
    outcome: Outcome
    reason: str = ""


Record = Begun | Done | Back | Ended


@dataclass(frozen=True)
class Task:
    """An installation that has begun and not ended."""

    begun: Begun
    done: frozenset[Step] = field(default_factory=frozenset[Step])
    """Steps done in the present direction."""
    back: str | None = None
    """Why the bundle before comes back; None on the way forward."""
    restored: bool = False
    """Whether the bundle is whole on the disk."""


def unfinished(records: Sequence[Record]) -> Task | None:
    """What the last run did not end."""
    task: Task | None = None
    for record in records:
        match record:
            case Begun():
                task = Task(record)
            case Ended():
                task = None
            case Done(step=step) if task:
                restored = task.restored or step == "restore"
                done: frozenset[Step] = task.done.union([step])
                task = Task(task.begun, done, task.back, restored)
            case Back(reason=reason) if task:
                task = Task(task.begun, frozenset(), reason, task.restored)
            case _:
                continue
    return task


class Journal:
    """The file."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def records(self) -> list[Record]:
        """All that was done. Raises AirgapError if the file is damaged."""
        try:
            content = self._path.read_bytes()
        except FileNotFoundError:
            return []
        whole = content[: content.rfind(b"\n") + 1]
        try:
            return [msgspec.json.decode(line, type=Record) for line in whole.splitlines()]
        except msgspec.DecodeError as error:
            raise AirgapError(f"{self._path} is damaged ({error}): move it away") from None

    def unfinished(self) -> Task | None:
        """What the last run did not end."""
        return unfinished(self.records())

    def add(self, record: Record) -> None:
        """Note what was done; it is on the disk afterwards."""
        if self._path.exists():
            content = self._path.read_bytes()
            if not content.endswith(b"\n") and content:
                disk.write(self._path, [content[: content.rfind(b"\n") + 1]])
        disk.append(self._path, msgspec.json.encode(record) + b"\n")


def now() -> datetime:
    """The time of a record, in UTC."""
    return datetime.now(UTC)
