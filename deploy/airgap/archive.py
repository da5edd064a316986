"""A folder as one file, `.tar.zst`: the same bytes for the same folder; unpacked with distrust."""

import tarfile
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import IO

from deploy.airgap import disk, zstd
from deploy.airgap.errors import BadBundle
from deploy.airgap.manifest import check_path, plain_files


def pack(folder: Path, target: Path, names: list[str] | None = None) -> None:
    """Write a folder's files to `target`, below the folder's name; those named first come first."""
    first = names or []
    files = [*first, *(name for name in plain_files(folder) if name not in first)]
    size = sum((folder / name).stat().st_size for name in files)
    draft = target.with_name(target.name + disk.DRAFT)
    with (
        zstd.writer(str(draft), size) as packed,
        # A stream: nothing is gone back to.
        tarfile.open(fileobj=packed, mode="w|", format=tarfile.PAX_FORMAT) as tar,
    ):
        for name in files:
            _add(tar, folder / name, f"{folder.name}/{name}")
    draft.replace(target)


def _add(tar: tarfile.TarFile, path: Path, name: str) -> None:
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode = path.stat().st_size, 0o644
    with path.open("rb") as file:
        tar.addfile(entry, file)


def unpack(archive: Path, folder: Path) -> None:
    """Write an archive's files into a folder, without the name of the folder that it holds.

    Raises BadBundle at a link, a device, a path that leads elsewhere, or a byte that is wrong.
    """
    for name, content, size in entries(archive):
        target = folder / name
        disk.folder(target.parent)
        # One that an interrupted run wrote stays: what it holds is checked by whoever unpacked it.
        if not target.is_file() or target.stat().st_size != size:
            disk.write(target, content)


def entries(archive: Path) -> Iterator[tuple[str, Iterator[bytes], int]]:
    """Path, content and size of each file of an archive, to be read in this order.

    Raises BadBundle at a link, a device, a path that leads elsewhere, or a byte that is wrong.
    """
    with (
        _checked(archive),
        zstd.reader(str(archive)) as packed,
        tarfile.open(fileobj=packed, mode="r|") as tar,
    ):
        for entry in tar:
            content = tar.extractfile(entry) if entry.isreg() else None
            if content is None:
                raise BadBundle(f"{archive}: {entry.name!r} is no plain file")
            top, slash, name = entry.name.partition("/")
            if not slash:
                raise BadBundle(f"{archive}: {entry.name!r} is in no folder")
            check_path(top)
            yield check_path(name), _blocks(archive, content), entry.size
        # The rest of the packed file may be damaged too.
        while packed.read(disk.BLOCK):
            pass


def _blocks(archive: Path, content: IO[bytes]) -> Iterator[bytes]:
    # It is read by whoever asked for it: what goes wrong there does not go through `entries`.
    with _checked(archive):
        yield from iter(partial(content.read, disk.BLOCK), b"")


@contextmanager
def _checked(archive: Path) -> Generator[None]:
    try:
        yield
    except (zstd.Damaged, tarfile.TarError, EOFError, OSError) as error:
        # tarfile's own are OSErrors without a number.
        if isinstance(error, OSError) and error.errno is not None:
            raise
        raise BadBundle(f"{archive} is damaged: {error}") from None
