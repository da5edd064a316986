"""Where a file may be cut, so that what did not change is found again elsewhere.

A tar is cut at its members, an archive of an image also at those of its layers; a wheel at its
members. Anything else is one piece. The cuts cover the file, in order.
"""

import tarfile
import zipfile
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import BinaryIO, NamedTuple

_MAGIC = 257
"""Where a tar's header says that it is one."""


class Segment(NamedTuple):
    """A part of a file."""

    name: str
    """What it is: a member's name; its header, with the padding before it, is `<name>#`."""
    offset: int
    size: int


def cut(path: Path) -> list[Segment]:
    """The parts of a file."""
    size = path.stat().st_size
    try:
        with path.open("rb") as file:
            if path.suffix == ".whl":
                return _joined(_wheel(path), size)
            if _is_tar(file, 0, size):
                return _joined(_tar(file, 0, size), size)
    except (tarfile.TarError, zipfile.BadZipFile):
        # It only looked like one: it is as good in one piece.
        pass
    return [Segment("", 0, size)]


def _joined(marks: Iterator[tuple[int, str]], size: int) -> list[Segment]:
    """Segments between marks: each mark is where a part begins."""
    starts = [*marks, (size, "")]
    if starts[0][0] > 0:
        starts.insert(0, (0, "#begin"))
    return [
        Segment(name, start, end - start)
        for (start, name), (end, _) in pairwise(starts)
        if end > start
    ]


def _wheel(path: Path) -> Iterator[tuple[int, str]]:
    with zipfile.ZipFile(path) as wheel:
        for entry in sorted(wheel.infolist(), key=lambda found: found.header_offset):
            yield entry.header_offset, entry.filename
        yield wheel.start_dir, "#directory"


def _tar(file: BinaryIO, begin: int, end: int) -> Iterator[tuple[int, str]]:
    yield begin, "#begin"
    # tarfile starts where the file stands; its offsets are the file's.
    file.seek(begin)
    inner: list[tarfile.TarInfo] = []
    with tarfile.open(fileobj=file, mode="r:") as tar:
        while (entry := tar.next()) and entry.offset < end:
            inner.append(entry)
    for entry in inner:
        stop = entry.offset_data + entry.size
        if not entry.isreg() or stop > end:
            continue
        if _is_tar(file, entry.offset_data, stop):
            yield from _tar(file, entry.offset_data, stop)
        else:
            yield entry.offset_data, entry.name
        yield stop, f"{entry.name}#"


def _is_tar(file: BinaryIO, begin: int, end: int) -> bool:
    if end - begin < 1024:
        return False
    file.seek(begin + _MAGIC)
    return file.read(5) == b"ustar"
