"""What a lock may hold: names, versions and hashes, and what its extra asks for."""

import re
import tomllib
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

_PIN = re.compile(r"(?P<name>[A-Za-z0-9._-]+)==(?P<version>[^ ;\\]+)(?P<marker> ;[^\\]*)? \\\Z")
_HASH = re.compile(r"    --hash=sha256:[0-9a-f]{64}(?P<more> \\)?\Z")


class Project(msgspec.Struct, frozen=True, rename="kebab"):
    """The table `project` of `pyproject.toml`, as far as locks go."""

    name: str
    version: str
    dependencies: list[str]
    optional_dependencies: dict[str, list[str]]
    entry_points: dict[str, dict[str, str]] = {}


@dataclass
class Lock:
    """A lock's pins (a name may have several, for different platforms) and what is wrong in it."""

    pins: dict[str, list[Version]] = field(default_factory=dict[str, list[Version]])
    faults: list[str] = field(default_factory=list[str])


def project(root: Path) -> Project:
    """What `pyproject.toml` says."""
    tables = tomllib.loads((root / "pyproject.toml").read_text("utf-8"))
    return msgspec.convert(tables["project"], Project)


def read(text: str) -> Lock:
    """Read a lock strictly: any other line than a pin, its hashes and a comment is a fault."""
    lock = Lock()
    awaiting = False
    for number, line in enumerate(text.splitlines(), start=1):
        if match := _PIN.match(line):
            if awaiting:
                lock.faults.append(f"line {number}: the pin before has no last hash")
            lock.pins.setdefault(canonicalize_name(match["name"]), []).append(
                Version(match["version"])
            )
            awaiting = True
        elif (match := _HASH.match(line)) and awaiting:
            awaiting = bool(match["more"])
        elif not re.match(r" *# (?!.*(?:://|\bwww\.))", line):
            lock.faults.append(f"line {number}: {line.strip()[:60]!r} is no pin, hash or comment")
    if awaiting or not lock.pins:
        lock.faults.append("the last pin has no last hash, or there is none")
    return lock


def requirements(project: Project, extra: str) -> list[Requirement]:
    """What an extra asks for, with the project's own and with the extras that it names."""
    lines = [*project.dependencies, *project.optional_dependencies[extra]]
    found = [Requirement(line) for line in lines]
    named = {e for r in found if r.name == project.name for e in r.extras}
    return [r for r in found if r.name != project.name] + [
        r for other in sorted(named) for r in requirements(project, other)
    ]


def disagreements(lock: Lock, wanted: list[Requirement]) -> list[str]:
    """What is asked for and not pinned, or pinned at a version that is not allowed."""
    found: list[str] = []
    for requirement in wanted:
        versions = lock.pins.get(canonicalize_name(requirement.name), [])
        if not any(requirement.specifier.contains(v, prereleases=True) for v in versions):
            found.append(f"{requirement} is not met by {[str(v) for v in versions]}")
    return found
