"""What a site has, cut into parts that can be found again by content, by place and by name."""

import hashlib
import re
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from deploy.airgap.recipe import Fresh, Member, Range, Source
from deploy.airgap.segments import Segment, cut

_VARIES = re.compile(r"-[0-9][A-Za-z0-9.+_]*(?=\.(?:dist-info|data)/)|\b[0-9a-f]{64}\b")
"""What a new release changes in the names of files: a version, a layer's digest."""


class Part(NamedTuple):
    """A part of a file, and what it holds."""

    path: str
    """The file, within its bundle."""
    segment: Segment
    sha: bytes
    """SHA-256 of what it holds."""

    @property
    def end(self) -> int:
        """Where the next part begins."""
        return self.segment.offset + self.segment.size

    @property
    def range(self) -> Range:
        """Where it is, in a file that the site has."""
        return Range(self.path, self.segment.offset, self.segment.size)


def parts(path: Path, name: str) -> list[Part]:
    """The parts of a file that is called `name` in its bundle."""
    found: list[Part] = []
    with path.open("rb") as file:
        for segment in cut(path):
            file.seek(segment.offset)
            found.append(Part(name, segment, _sha(file.read(segment.size))))
    return found


@dataclass
class Known:
    """What the site has, or will have by the time that the next file is restored."""

    _by_content: dict[tuple[bytes, int], Source] = field(
        default_factory=dict[tuple[bytes, int], Source]
    )
    _by_place: dict[tuple[str, int], Part] = field(default_factory=dict[tuple[str, int], Part])
    _by_file: dict[str, list[Part]] = field(default_factory=dict[str, list[Part]])
    _by_name: dict[tuple[str, str], list[Part]] = field(
        default_factory=dict[tuple[str, str], list[Part]]
    )

    def learn_old(self, path: Path, name: str) -> None:
        """Take in a file of the site's bundle."""
        found = parts(path, name)
        self._by_file[name] = found
        for part in found:
            self._by_content.setdefault((part.sha, part.segment.size), part.range)
            self._by_place[name, part.segment.offset] = part
            self._by_name.setdefault((name, _constant(part.segment.name)), []).append(part)

    def learn_new(self, path: Path, found: list[Part]) -> None:
        """Take in a file that is restored by now, and what it holds unpacked if it is a wheel."""
        for part in found:
            source = Fresh(part.path, part.segment.offset, part.segment.size)
            self._by_content.setdefault((part.sha, part.segment.size), source)
        if path.suffix == ".whl":
            for member, content in _members(path):
                key = _sha(content), len(content)
                self._by_content.setdefault(key, Member(found[0].path, member))

    def find(self, part: Part, follows: Source | None) -> Source | None:
        """Where the content of a part is; best right behind what was copied before."""
        if isinstance(follows, Range):
            behind = self._by_place.get((follows.path, follows.offset + follows.size))
            if behind and (behind.sha, behind.segment.size) == (part.sha, part.segment.size):
                return behind.range
        return self._by_content.get((part.sha, part.segment.size))

    def namesakes(self, old: str, name: str) -> list[Part]:
        """The parts of the site's file `old` that are called so, a version or a digest aside."""
        return self._by_name.get((old, _constant(name)), [])

    def between(self, old: str, begin: int, end: int) -> Iterator[Part]:
        """The parts of the site's file `old` from one place to another."""
        for part in self._by_file.get(old, ()):
            if begin <= part.segment.offset and part.end <= end:
                yield part


def _members(path: Path) -> Iterator[tuple[str, bytes]]:
    """What a wheel holds, as far as it can be unpacked: a site finds members by their names."""
    try:
        with zipfile.ZipFile(path) as wheel:
            for name in dict.fromkeys(wheel.namelist()):
                yield name, wheel.read(name)
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, EOFError):
        return


def _constant(name: str) -> str:
    return _VARIES.sub("*", name)


def _sha(content: bytes) -> bytes:
    return hashlib.sha256(content).digest()
