"""Sees to systemd's tools for the tests of a box: the machine's, or its package installed now.

    .venv/bin/python -m tests.support.install_systemd

Nothing of it has to run: the tests read units with systemd-analyze, and make users in a folder with
systemd-sysusers.
"""

import os
import shutil
import subprocess
import sys

_TOOLS = ("systemctl", "systemd-analyze", "systemd-sysusers")
_INSTALL = ["apt-get", "install", "-y", "--no-install-recommends", "systemd"]
_ADVICE = "no systemd, and none could be installed: install your system's package systemd\n"


def main() -> int:
    """Returns the exit code."""
    if not missing():
        return 0
    for command in attempts():
        sys.stderr.write(f"No {missing()[0]} yet; trying: {' '.join(command)}\n")
        env = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
        subprocess.run(command, env=env, stdin=subprocess.DEVNULL)
        if not missing():
            return 0
    sys.stderr.write(_ADVICE)
    return 1


def missing() -> list[str]:
    """The tools that are not there."""
    return [name for name in _TOOLS if shutil.which(name) is None]


def attempts() -> list[list[str]]:
    """What may be tried here."""
    if shutil.which("apt-get") is None or os.geteuid() != 0:
        return []
    return [_INSTALL, ["sh", "-c", f"apt-get update && {' '.join(_INSTALL)}"]]


if __name__ == "__main__":
    sys.exit(main())
