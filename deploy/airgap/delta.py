"""The desk's half of a delta: what a site lacks, as pieces that are copied or patched.

Files are cut (`segments`) and each part is looked for in what the site has: the files of its
bundle, the new files restored before, and what new wheels hold unpacked. A part found is copied;
parts not found are one zstd frame together, with the parts of the same name, or from the same
place, as its dictionary. So a layer costs what changed in it, and a change that is in a wheel and
in three images costs once.
"""

import tempfile
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import BinaryIO

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from deploy.airgap import archive, manifest, recipe, restore, zstd
from deploy.airgap.known import Known, Part, parts
from deploy.airgap.manifest import File, Manifest
from deploy.airgap.recipe import Copy, Delta, End, Member, Patch, Piece, Range, Restored, Source

_FRAME = 32 << 20
"""Parts are joined into one frame up to so many bytes."""
_PREFIX = 256 << 20
"""No dictionary is larger than this, unless one part alone is."""
_GAP = 16 << 20
"""What stood in a part's place is a dictionary up to so many bytes."""
_ORDER = ("program", "lock", "code", "wheel", "manifest", "model", "image")
"""What is restored first serves what comes after it."""


def make(base: Path, to: Path, target: Path, key: Ed25519PrivateKey) -> Delta:
    """Write the delta from one bundle's folder to another's, as one signed file.

    Raises BadBundle if one of them is damaged.
    """
    old, new = _read(base), _read(to)
    with tempfile.TemporaryDirectory(dir=target.parent) as scratch:
        folder = Path(scratch) / target.name.removesuffix(".tar.zst")
        folder.mkdir()
        with (folder / recipe.PATCHES).open("wb") as patches:
            files = tuple(_Maker(base, old, to, patches).files(new))
        delta = Delta(
            base=_end(base, old),
            to=_end(to, new),
            patches=manifest.file_digest(folder / recipe.PATCHES),
            files=files,
            removed=tuple(sorted(_paths(old) - _paths(new))),
        )
        content = recipe.encode(delta)
        (folder / recipe.DELTA).write_bytes(content)
        (folder / recipe.SIGNATURE).write_bytes(key.sign(content))
        archive.pack(folder, target, [recipe.SIGNATURE, recipe.DELTA])
    return delta


def _read(folder: Path) -> Manifest:
    found = manifest.decode(manifest.read_plain(folder / manifest.MANIFEST))
    manifest.check_files(folder, found)
    return found


def _end(folder: Path, found: Manifest) -> End:
    identity = manifest.file_digest(folder / manifest.MANIFEST)
    return End(version=found.version, identity=identity)


def _paths(found: Manifest) -> set[str]:
    return {file.path for file in found.files}


class _Maker:
    """Makes one file's recipe after the other."""

    def __init__(self, base: Path, old: Manifest, to: Path, patches: BinaryIO) -> None:
        self._base, self._to = base, to
        self._patches = patches
        self._old = {file.path: file for file in old.files}
        self._known = Known()
        for name in (manifest.MANIFEST, manifest.SIGNATURE, *self._old):
            self._known.learn_old(base / name, name)

    def files(self, new: Manifest) -> Iterator[Restored]:
        """The recipe of each file that the site lacks, in the order of restoring."""
        for name in (manifest.MANIFEST, manifest.SIGNATURE):
            yield self._file(name, name)
        for file in sorted(new.files, key=lambda found: (_ORDER.index(found.role), found.path)):
            old = self._old.get(file.path)
            if old is None or old.sha256 != file.sha256:
                yield self._file(file.path, self._counterpart(file))

    def _counterpart(self, file: File) -> str:
        """The file that the new one is a later form of; a wheel's version is in its name."""
        if file.path in self._old:
            return file.path
        name = file.path.partition("-")[0]
        likely = [old.path for old in self._old.values() if old.path.partition("-")[0] == name]
        return likely[0] if likely else file.path

    def _file(self, name: str, old: str) -> Restored:
        path = self._to / name
        found = parts(path, name)
        with path.open("rb") as file:
            pieces = tuple(self._pieces(file, found, old))
        self._known.learn_new(path, found)
        return Restored(name, pieces)

    def _pieces(self, file: BinaryIO, found: list[Part], old: str) -> Iterator[Piece]:
        begin = 0
        for lacking, source in _runs(found, self._known):
            here = source if isinstance(source, Range) and source.path == old else None
            end = here.offset if here else begin + _GAP
            for frame in _frames(lacking):
                yield self._patch(file, frame, self._likely(frame, old, begin, end))
            if source:
                yield Copy(source)
            begin = here.offset + here.size if here else begin

    def _likely(self, frame: list[Part], old: str, begin: int, end: int) -> tuple[Range, ...]:
        """What may resemble the parts: their namesakes, and what stood in their place."""
        likely: list[Part] = []
        for part in frame:
            likely += self._known.namesakes(old, part.segment.name)
        if end - begin <= _GAP:
            likely += self._known.between(old, begin, end)
        chosen: list[Part] = []
        size = 0
        for part in dict.fromkeys(likely):
            size += part.segment.size
            if chosen and size > _PREFIX:
                break
            chosen.append(part)
        return _merged(chosen)

    def _patch(self, file: BinaryIO, frame: list[Part], prefix: tuple[Range, ...]) -> Patch:
        file.seek(frame[0].segment.offset)
        content = file.read(sum(part.segment.size for part in frame))
        if len(content) + sum(source.size for source in prefix) > zstd.LARGEST:
            prefix = ()
        read = (restore.read(source, self._base, self._to) for source in prefix)
        before = b"".join(chain.from_iterable(read))
        packed = zstd.pack(content, before)
        offset = self._patches.tell()
        self._patches.write(packed)
        return Patch(offset, len(packed), prefix)


def _runs(found: list[Part], known: Known) -> Iterator[tuple[list[Part], Source | None]]:
    """Parts that are nowhere, and the source of those that follow them; None at the end."""
    lacking: list[Part] = []
    run: Source | None = None
    for part in found:
        source = known.find(part, run)
        if run and source and (longer := _joined(run, source)):
            run = longer
            continue
        if run:
            yield lacking, run
            lacking, run = [], None
        if source:
            run = source
        else:
            lacking.append(part)
    if lacking or run:
        yield lacking, run


def _joined(first: Source, second: Source) -> Source | None:
    """One source for two that follow each other; None if they do not."""
    if isinstance(first, Member) or isinstance(second, Member) or type(first) is not type(second):
        return None
    if first.path != second.path or first.offset + first.size != second.offset:
        return None
    return msgspec.structs.replace(first, size=first.size + second.size)


def _merged(found: list[Part]) -> tuple[Range, ...]:
    """Where parts are, those that follow each other as one."""
    ranges: list[Range] = []
    for part in sorted(found, key=lambda one: one.segment.offset):
        longer = _joined(ranges[-1], part.range) if ranges else None
        if isinstance(longer, Range):
            ranges[-1] = longer
        else:
            ranges.append(part.range)
    return tuple(ranges)


def _frames(lacking: list[Part]) -> Iterator[list[Part]]:
    """Parts that are in one frame together."""
    frame: list[Part] = []
    size = 0
    for part in lacking:
        if frame and size + part.segment.size > _FRAME:
            yield frame
            frame, size = [], 0
        frame.append(part)
        size += part.segment.size
    if frame:
        yield frame
