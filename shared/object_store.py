"""The object store: what EchoBase asks of S3, as a protocol.

`shared.s3_store.S3Store` speaks to a real server through `minio`; `shared.memory_store.MemoryStore`
is for unit tests and passes the same behaviour suite.
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol


@dataclass(frozen=True)
class StoredObject:
    """An object's description."""

    key: str
    size: int
    """Bytes."""
    stamp: str = field(default="", compare=False)
    """From `stat` or `list`, each with a form of its own: another one if the object was stored
    anew, at the latest a second later."""


class ObjectStore(Protocol):
    """One bucket of an S3 store. Every method may raise StoreUnavailable."""

    async def ensure(self) -> None:
        """Create the bucket if it is missing."""
        ...

    async def ready(self) -> bool:
        """Whether the store answers now."""
        ...

    async def put(self, key: str, data: bytes, *, content_type: str = "application/json") -> None:
        """Store an object, over any that is there."""
        ...

    async def put_if_absent(
        self, key: str, data: bytes, *, content_type: str = "application/json"
    ) -> bool:
        """Store an object unless there is one (`If-None-Match: *`); whether it was stored."""
        ...

    async def put_file(self, key: str, path: Path, *, content_type: str) -> None:
        """Store a file's content."""
        ...

    async def get(self, key: str) -> bytes:
        """An object's content. Raises ObjectMissing."""
        ...

    async def get_range(self, key: str, start: int, length: int) -> bytes:
        """`length` bytes of an object from byte `start` on, fewer where it ends before.

        Raises ObjectMissing.
        """
        ...

    async def get_file(self, key: str, path: Path) -> None:
        """Write an object's content to a file. Raises ObjectMissing."""
        ...

    async def stat(self, key: str) -> StoredObject | None:
        """An object's description; None if there is none."""
        ...

    def list(self, prefix: str) -> AsyncIterator[StoredObject]:
        """Every object below a prefix, in the order of their keys.

        Stores differ in one thing: whether `a-b` comes before `a/b`, as in S3, or after it.
        """
        ...

    def folders(self, prefix: str, after: str = "") -> AsyncIterator[str]:
        """The names of the folders directly below a prefix, in their order, after a given one.

        `prefix` ends with a slash. Only for names of one length, which every store orders alike.
        """
        ...

    async def delete(self, key: str) -> None:
        """Remove an object; nothing happens if there is none."""
        ...

    async def close(self) -> None:
        """Close connections and threads."""
        ...
