"""How large layers are: as they are, and as they travel."""

import sys
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import msgspec
from msgspec import Struct

from deploy.images.archive import Exported
from deploy.images.recipes import Recipe

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

_LEVEL = 10
_BLOCK = 4 * 1024**2


class Row(Struct, frozen=True):
    """One layer of one image."""

    image: str
    layer: str
    size: int
    """Bytes of its tar."""
    compressed: int
    """Bytes, by zstd."""


def rows(recipe: Recipe, image: Exported, memory: Path) -> list[Row]:
    """An image's layers from the base up; `memory` keeps what was measured, by digest."""
    known = _remembered(memory)
    missing = [blob for blob in image.layers if blob.digest not in known]
    with ThreadPoolExecutor(2) as threads:
        sizes = threads.map(_compressed, [image.file(blob) for blob in missing])
        known |= {blob.digest: size for blob, size in zip(missing, sizes, strict=True)}
    memory.write_bytes(msgspec.json.encode(known))
    named = zip(recipe.layers, image.layers, strict=True)
    return [Row(recipe.name, layer, blob.size, known[blob.digest]) for layer, blob in named]


def table(found: Iterable[Row]) -> list[str]:
    """Rows as Markdown."""
    shown = (
        f"| {row.image} | {row.layer} | {_shown(row.size)} | {_shown(row.compressed)} |"
        for row in found
    )
    return ["| Image | Layer | Size | zstd |", "|---|---|---|---|", *shown]


def differing(one: Iterable[str], other: Iterable[str]) -> list[int]:
    """The numbers of the layers, given by their digests, that two builds do not share."""
    return [number for number, (a, b) in enumerate(zip(one, other, strict=True)) if a != b]


def _remembered(memory: Path) -> dict[str, int]:
    if not memory.exists():
        return {}
    return msgspec.json.decode(memory.read_bytes(), type=dict[str, int])


def _compressed(file: Path) -> int:
    compressor = zstd.ZstdCompressor(level=_LEVEL)
    size = 0
    with file.open("rb") as content:
        while block := content.read(_BLOCK):
            size += len(compressor.compress(block))
    return size + len(compressor.flush())


def _shown(size: int) -> str:
    return f"{size / 1e6:.1f} MB" if size >= 1e6 else f"{size / 1e3:.1f} kB"
