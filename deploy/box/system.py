"""The machine below: its users, its systemd, and whether the parts answer."""

import os
import pwd
import subprocess
import sys
import sysconfig
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol
from urllib.parse import urlsplit

from deploy.box.errors import BoxError
from deploy.box.files import write
from deploy.box.places import DATA, USER, Places
from deploy.box.units import MAIN
from deploy.local.servers import answers
from shared.stack import read_stack

_USERS = f'u {USER} - "EchoBase" {DATA}\n'
_POLL = 0.2


class Manager(Protocol):
    """Who runs the units."""

    def reload(self) -> None:
        """Take new units into account."""
        ...

    def restart(self) -> None:
        """Start everything anew. Raises BoxError if it cannot be."""
        ...

    def stop(self) -> None:
        """End everything."""
        ...

    def unhealthy(self, patience: float) -> list[str]:
        """The parts that do not answer well within so many seconds."""
        ...


class Systemd:
    """The machine's systemd."""

    def __init__(self, places: Places) -> None:
        self._data = places.data

    def reload(self) -> None:
        """Take new units into account. Raises BoxError."""
        run(["systemctl", "daemon-reload"])

    def restart(self) -> None:
        """Start everything anew. Raises BoxError if it cannot be."""
        # What failed too often, or for good, is to be tried again.
        run(["systemctl", "reset-failed", "echobase*"])
        run(["systemctl", "restart", MAIN])

    def stop(self) -> None:
        """End everything. Raises BoxError."""
        run(["systemctl", "stop", MAIN, "echobase-*.service"])

    def unhealthy(self, patience: float) -> list[str]:
        """The parts that do not answer well within so many seconds."""
        return wait_healthy(self._data, patience)


class NoManager:
    """Of a folder that stands for a machine: nothing runs."""

    def reload(self) -> None:
        """Nothing runs."""

    def restart(self) -> None:
        """Nothing runs."""

    def stop(self) -> None:
        """Nothing runs."""

    def unhealthy(self, patience: float) -> list[str]:  # noqa: ARG002 - the protocol's
        """Nothing runs that could be unwell."""
        return []


@dataclass(frozen=True)
class Owner:
    """The user that EchoBase runs as."""

    uid: int
    gid: int

    def give(self, path: Path, mode: int, *, group_only: bool = False) -> None:
        """Let a file or folder be its own, or its group's, where that is ours to decide."""
        path.chmod(mode)
        if os.geteuid() == 0:
            os.chown(path, -1 if group_only else self.uid, self.gid, follow_symlinks=False)


def make_user(places: Places) -> Owner:
    """Make the user if there is none. Raises BoxError."""
    write(places.users, _USERS)
    places.at("/etc").mkdir(exist_ok=True)
    where = [f"--root={places.root}"] if places.scratch else []
    run(["systemd-sysusers", *where, places.users.name])
    return owner(places)


def owner(places: Places) -> Owner:
    """The user that EchoBase runs as. Raises BoxError if there is none."""
    if not places.scratch:
        try:
            found = pwd.getpwnam(USER)
        except KeyError:
            raise BoxError(f"there is no user {USER}") from None
        return Owner(found.pw_uid, found.pw_gid)
    for line in places.at("/etc/passwd").read_text().splitlines():
        name, _, uid, gid, *_ = line.split(":")
        if name == USER:
            return Owner(int(uid), int(gid))
    raise BoxError(f"there is no user {USER} in {places.root}")


def interpreter(*, strict: bool) -> Path:
    """The Python that releases stand on: every user can reach it.

    Raises BoxError if there is none and `strict` asks for one.
    """
    base = Path(getattr(sys, "_base_executable", sys.executable)).resolve()
    here = f"python{sysconfig.get_python_version()}"
    candidates = [base, Path("/usr/bin") / here, Path("/usr/local/bin") / here]
    for path in candidates:
        if path.exists() and _reachable(path.resolve()):
            return path
    if strict:
        raise BoxError(
            f"{base} cannot be reached by other users, and there is no /usr/bin/{here}:"
            " install the system's Python (on Debian: apt-get install python3)"
        )
    return base


def _reachable(path: Path) -> bool:
    return all(each.stat().st_mode & 0o001 for each in (path, *path.parents))


def wait_healthy(data: Path, patience: float) -> list[str]:
    """The services of a data folder that are not ready within so many seconds."""
    deadline = time.monotonic() + patience
    while True:
        waiting = _waiting(data)
        if not waiting or time.monotonic() > deadline:
            return waiting
        time.sleep(_POLL)


def _waiting(data: Path) -> list[str]:
    stack = read_stack(data)
    if stack is None:
        return [MAIN]
    return [name for name, address in stack.health.items() if not _ready(address)]


def _ready(address: str) -> bool:
    parts = urlsplit(address)
    return answers(parts.port or 80, f"{parts.path}/health/ready", parts.hostname or "")


def run(command: Sequence[str]) -> None:
    """Run one of the machine's commands. Raises BoxError."""
    try:
        done = subprocess.run(command, capture_output=True, text=True)
    except FileNotFoundError:
        raise BoxError(f"{command[0]} is missing: a box needs systemd") from None
    if done.returncode:
        raise BoxError(f"`{' '.join(command)}` failed: {done.stderr.strip()}")
