"""The site's half of a delta: files are made again from what is there, byte for byte."""

import os
import zipfile
from collections.abc import Iterator
from pathlib import Path

from deploy.airgap import disk, manifest, zstd
from deploy.airgap.errors import BadBundle
from deploy.airgap.manifest import File
from deploy.airgap.recipe import Copy, Delta, Fresh, Member, Piece, Range, Restored, Source


def restore(delta: Delta, patches: Path, base: Path, target: Path, public_key: Path) -> None:
    """Make the bundle that a delta leads to from the one in `base`.

    What an interrupted run restored already is kept. Raises BadBundle if the result is not the
    bundle that was signed; the folder is then of no use.
    """
    recipes = {file.path: file for file in delta.files}
    for name in (manifest.MANIFEST, manifest.SIGNATURE):
        _restore(recipes.pop(name, Restored(name, ())), patches, base, target)
    wanted = manifest.signed(target, public_key)
    if manifest.file_digest(target / manifest.MANIFEST) != delta.to.identity:
        raise BadBundle("the delta does not restore the manifest that it names")
    listed = {file.path: file for file in wanted.files}
    if unknown := recipes.keys() - listed.keys():
        raise BadBundle(f"the delta restores {min(unknown)}, which its bundle does not list")
    disk.need(target, sum(listed[path].size for path in recipes))
    for file in wanted.files:
        if file.path not in recipes:
            _keep(file, base, target)
    # In the delta's order: later files are made from earlier ones.
    for path, recipe in recipes.items():
        if not _is_there(target / path, listed[path]):
            _restore(recipe, patches, base, target)
            manifest.check_file(target / path, listed[path])


def _is_there(path: Path, file: File) -> bool:
    try:
        manifest.check_file(path, file)
    except (FileNotFoundError, BadBundle):
        return False
    return True


def _keep(file: File, base: Path, target: Path) -> None:
    place = target / file.path
    if place.is_file():
        return
    disk.folder(place.parent)
    try:
        disk.place(base / file.path, place)
    except FileNotFoundError:
        raise BadBundle(f"{base / file.path} is missing: this site's bundle is damaged") from None


def _restore(file: Restored, patches: Path, base: Path, target: Path) -> None:
    place = target / file.path
    disk.folder(place.parent)
    with disk.room(target):
        disk.write(place, _content(file, patches, base, target))


def _content(file: Restored, patches: Path, base: Path, target: Path) -> Iterator[bytes]:
    for piece in file.pieces:
        try:
            yield from _piece(piece, patches, base, target)
        except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
            if isinstance(error, OSError) and not isinstance(error, FileNotFoundError):
                raise
            raise BadBundle(f"{file.path} cannot be restored: {error}") from None


def _piece(piece: Piece, patches: Path, base: Path, target: Path) -> Iterator[bytes]:
    if isinstance(piece, Copy):
        yield from read(piece.source, base, target)
        return
    before = b"".join(block for source in piece.prefix for block in read(source, base, target))
    frame = b"".join(_part(patches, piece.offset, piece.size))
    yield zstd.unpack(frame, before)


def read(source: Source, base: Path, target: Path) -> Iterator[bytes]:
    """The bytes of a source. Raises ValueError if there are fewer than it says."""
    match source:
        case Range(path, offset, size):
            yield from _part(base / path, offset, size)
        case Fresh(path, offset, size):
            yield from _part(target / path, offset, size)
        case Member(path, name):
            with zipfile.ZipFile(target / path) as wheel:
                yield wheel.read(name)


def _part(path: Path, offset: int, size: int) -> Iterator[bytes]:
    with path.open("rb") as file:
        file.seek(offset, os.SEEK_SET)
        while size:
            block = file.read(min(size, disk.BLOCK))
            if not block:
                raise ValueError(f"{path} ends too early")
            size -= len(block)
            yield block
