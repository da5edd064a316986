"""Models in the S3 store: `models/NAME/…`, so that a site fetches one once for all its nodes."""

import asyncio
from pathlib import Path

import msgspec

from services.transcriber.model_fetch import Gather
from services.transcriber.model_files import FILE, ModelFiles, describe, read
from shared import object_keys
from shared.errors import ModelUnavailable, ObjectMissing
from shared.object_store import ObjectStore
from shared.s3_store import S3Store
from shared.settings import StoreSettings

_CONTENT = "application/octet-stream"


async def listed(store: ObjectStore, name: str) -> ModelFiles | None:
    """What the store has of a model; None if it has none.

    Raises ModelUnavailable, or StoreUnavailable.
    """
    try:
        content = await store.get(object_keys.model_file(name, FILE))
    except ObjectMissing:
        return None
    return read(content, object_keys.model_prefix(name))


async def push(store: ObjectStore, name: str, folder: Path) -> int:
    """Put a model's folder into the store; how many files were sent.

    What the store has is not sent again; the list comes last. Raises ModelUnavailable.
    """
    wanted = await asyncio.to_thread(describe, folder)
    await store.ensure()
    there = await listed(store, name)
    known = there.files if there else []
    sent = 0
    for file in wanted.files:
        key = object_keys.model_file(name, file.name)
        stat = await store.stat(key)
        if file in known and stat is not None and stat.size == file.size:
            continue
        await store.put_file(key, folder / file.name, content_type=_CONTENT)
        sent += 1
    await store.put(object_keys.model_file(name, FILE), msgspec.json.encode(wanted))
    return sent


def from_store(settings: StoreSettings, name: str, files: ModelFiles) -> Gather:
    """Brings a model that the store has."""

    async def bring(draft: Path) -> None:
        store = S3Store(settings)
        try:
            for file in files.files:
                target = draft / file.name
                if ModelFiles([file]).faults(draft, deep=True):
                    await store.get_file(object_keys.model_file(name, file.name), target)
        except ObjectMissing as error:
            raise ModelUnavailable(f"the store's copy of {name!r} is not whole: {error}") from error
        finally:
            await store.close()

    def gather(draft: Path) -> ModelFiles:
        asyncio.run(bring(draft))
        return files

    return gather
