"""The object store in memory, for unit tests; passes the same behaviour suite as the real one."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

from shared.errors import ObjectMissing, StoreUnavailable
from shared.object_store import StoredObject


class MemoryStore:
    """One bucket; see `shared.object_store.ObjectStore`."""

    def __init__(self) -> None:
        """An empty one."""
        self.objects: dict[str, bytes] = {}
        self.away = False
        """While True every call raises StoreUnavailable."""

    async def ensure(self) -> None:
        """Nothing is missing."""
        self._reach()

    async def ready(self) -> bool:
        """Whether the store answers now."""
        return not self.away

    async def put(
        self,
        key: str,
        data: bytes,
        *,
        content_type: str = "application/json",  # noqa: ARG002 - no reader asks for it
    ) -> None:
        """Store an object, over any that is there."""
        self._reach()
        self.objects[key] = data

    async def put_if_absent(
        self,
        key: str,
        data: bytes,
        *,
        content_type: str = "application/json",  # noqa: ARG002 - no reader asks for it
    ) -> bool:
        """Store an object unless there is one; whether it was stored."""
        self._reach()
        if key in self.objects:
            return False
        self.objects[key] = data
        return True

    async def put_file(
        self,
        key: str,
        path: Path,
        *,
        content_type: str,  # noqa: ARG002 - no reader asks for it
    ) -> None:
        """Store a file's content."""
        self._reach()
        self.objects[key] = await asyncio.to_thread(path.read_bytes)

    async def get(self, key: str) -> bytes:
        """An object's content. Raises ObjectMissing."""
        self._reach()
        if key not in self.objects:
            raise ObjectMissing(f"The object is not in the store: {key}")
        return self.objects[key]

    async def get_range(self, key: str, start: int, length: int) -> bytes:
        """`length` bytes of an object from byte `start` on. Raises ObjectMissing."""
        return (await self.get(key))[start : start + max(0, length)]

    async def get_file(self, key: str, path: Path) -> None:
        """Write an object's content to a file. Raises ObjectMissing."""
        await asyncio.to_thread(path.write_bytes, await self.get(key))

    async def stat(self, key: str) -> StoredObject | None:
        """An object's description; None if there is none."""
        self._reach()
        found = self.objects.get(key)
        return None if found is None else StoredObject(key, len(found), str(id(found)))

    async def list(self, prefix: str) -> AsyncIterator[StoredObject]:
        """Every object below a prefix, in the order of their keys."""
        self._reach()
        for key in sorted(self.objects, key=str.encode):
            if key.startswith(prefix):
                found = self.objects[key]
                yield StoredObject(key, len(found), str(id(found)))

    async def folders(self, prefix: str, after: str = "") -> AsyncIterator[str]:
        """The names of the folders directly below a prefix, after a given one."""
        self._reach()
        below = (key.removeprefix(prefix) for key in self.objects if key.startswith(prefix))
        for name in sorted({key.partition("/")[0] for key in below if "/" in key}):
            if name > after:
                yield name

    async def delete(self, key: str) -> None:
        """Remove an object; nothing happens if there is none."""
        self._reach()
        self.objects.pop(key, None)

    async def close(self) -> None:
        """Nothing is open."""

    def _reach(self) -> None:
        if self.away:
            raise StoreUnavailable("The store is away.")
