"""A box in a folder: its units are run as systemd would run them, but for its sandbox.

Exactly the lines of the units are executed, with their variables and as the box's user; only the
folders of the box are looked for below the box's root.
"""

import ctypes
import os
import shlex
import signal
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path

from deploy.box.places import DATA, ETC, HOME, RUN, Places
from deploy.box.sandbox import PARTS
from deploy.box.system import owner, wait_healthy
from deploy.box.units import MAIN, unit

Section = Mapping[str, list[str]]
_NO_NEW_PRIVILEGES, _MEMORY_DENY_WRITE_EXECUTE = 38, 65
_PATIENCE = 60.0
_libc = ctypes.CDLL(None)


def read_unit(text: str) -> dict[str, dict[str, list[str]]]:
    """A unit's directives by section and name, each with its values in order."""
    sections: dict[str, dict[str, list[str]]] = {}
    current: dict[str, list[str]] = {}
    for line in text.splitlines():
        if line.startswith("["):
            current = sections.setdefault(line.strip("[]"), {})
        elif line and not line.startswith("#"):
            name, _, value = line.partition("=")
            current.setdefault(name, []).append(value)
    return sections


class RunningBox:
    """The manager of a box in a folder: what systemd is to a machine."""

    def __init__(self, places: Places, output: Path) -> None:
        """What the units write goes to `output`."""
        self.places = places
        self.output = output
        self._units: dict[str, Mapping[str, Section]] = {}
        self._running: dict[str, subprocess.Popen[bytes]] = {}

    def reload(self) -> None:
        """Read the units anew."""
        self._units = {
            path.name: read_unit(path.read_text())
            for path in self.places.units.glob("echobase*.service")
        }

    def restart(self) -> None:
        """End everything, then start it in the units' order."""
        self.stop()
        self.reload()
        for folder in (self.places.data, self._mapped(RUN)):
            folder.mkdir(parents=True, exist_ok=True)
            self._give(folder)
        assert self._wait(self._spawn(MAIN, "ExecStart")) == 0, self.output.read_text()
        for part in PARTS:
            self._start(unit(part.name))

    def stop(self) -> None:
        """End everything: what started last ends first."""
        for process in reversed(self._running.values()):
            process.send_signal(signal.SIGTERM)
            self._wait(process)
        self._running.clear()

    def unhealthy(self, patience: float) -> list[str]:
        """The parts that do not answer well within so many seconds."""
        return wait_healthy(self.places.data, patience)

    def pid(self, part: str) -> int:
        """The process of a part."""
        return self._running[unit(part)].pid

    def _start(self, name: str) -> None:
        unit_section = self._units[name]["Unit"]
        if not all(self._mapped(path).exists() for path in unit_section["ConditionPathExists"]):
            return
        self._running[name] = self._spawn(name, "ExecStart")
        if "ExecStartPost" in self._units[name]["Service"]:
            assert self._wait(self._spawn(name, "ExecStartPost")) == 0, self.output.read_text()

    def _spawn(self, name: str, directive: str) -> subprocess.Popen[bytes]:
        service = self._units[name]["Service"]
        (line,) = service[directive]
        user = owner(self.places)
        drop = os.geteuid() == 0 and everybody_reaches(self.places.current / "bin" / "python")
        with self.output.open("ab") as output:
            return subprocess.Popen(
                shlex.split(self._map(line)),
                env=self._environment(service),
                cwd=self._mapped(service["WorkingDirectory"][0]),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                umask=int(service["UMask"][0], 8),
                user=user.uid if drop else None,
                group=user.gid if drop else None,
                extra_groups=[] if drop else None,
                preexec_fn=lambda: _restrain(service),
            )

    def _environment(self, service: Section) -> dict[str, str]:
        env = {"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8"}
        for line in service["Environment"]:
            env |= dict(pair.split("=", 1) for pair in shlex.split(self._map(line)))
        for path in service["EnvironmentFile"]:
            lines = self._mapped(path).read_text().splitlines()
            set_here = (line for line in lines if line and not line.startswith("#"))
            env |= dict(line.split("=", 1) for line in set_here)
        for name, base in (("RuntimeDirectory", "/run"), ("StateDirectory", "/var/lib")):
            for folder in service.get(name, []):
                variable = {"RuntimeDirectory": "RUNTIME_DIRECTORY"}.get(name, "STATE_DIRECTORY")
                env[variable] = str(self._mapped(f"{base}/{folder}"))
        return env

    def _map(self, text: str) -> str:
        for folder in (HOME, ETC, DATA, RUN):
            text = text.replace(folder, str(self.places.at(folder)))
        return text

    def _mapped(self, path: str) -> Path:
        return self.places.at(path)

    def _give(self, folder: Path) -> None:
        if os.geteuid() == 0:
            owner(self.places).give(folder, 0o750)

    def _wait(self, process: subprocess.Popen[bytes]) -> int:
        deadline = time.monotonic() + _PATIENCE
        while (code := process.poll()) is None:
            assert time.monotonic() < deadline, self.output.read_text()
            time.sleep(0.02)
        return code


def everybody_reaches(path: Path) -> bool:
    """Whether another user could run a program."""
    found = path.resolve()
    return all(each.stat().st_mode & 0o001 for each in (found, *found.parents))


def _restrain(service: Section) -> None:
    """The part of a sandbox that any process can put itself into; it dies with its parent."""
    _libc.prctl(1, signal.SIGKILL, 0, 0, 0)
    if service["NoNewPrivileges"] == ["yes"]:
        _libc.prctl(_NO_NEW_PRIVILEGES, 1, 0, 0, 0)
    if service["MemoryDenyWriteExecute"][-1] == "yes":
        # Since Linux 6.3; an older one refuses, and the test shows less.
        _libc.prctl(_MEMORY_DENY_WRITE_EXECUTE, 1, 0, 0, 0)
