"""A container as strict as Kubernetes' restricted ones, without a container engine.

The image's root folder is mounted again read-only, and the command runs in it as the image's user:
no capability, no way to gain one, `/tmp` in memory and the volumes as its only writable places. The
network is this machine's, so that it reaches the servers of the local stack.
"""

import os
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from types import TracebackType
from typing import Self

from deploy.images.command import run
from deploy.images.recipes import USER
from deploy.images.storage import Config, Storage
from deploy.local.process import Process

# $1 is the root, then `FOLDER:PLACE` for each volume up to `--`, then the command. All is exec, so
# that a signal reaches the command itself.
_SCRIPT = """
set -eu
root=$1; shift
mount --bind "$root" "$root"
mount --rbind /dev "$root/dev"
mount --rbind /proc "$root/proc"
mount -t tmpfs -o mode=1777,nosuid,nodev,size=512m tmp "$root/tmp"
while [ "$1" != -- ]; do mount --bind "${1%:*}" "$root${1#*:}"; shift; done
shift
mount -o remount,bind,ro "$root"
exec chroot "$root" /usr/bin/setpriv --no-new-privs --bounding-set=-all --inh-caps=-all \
    --reuid="${1%:*}" --regid="${1#*:}" --clear-groups /usr/bin/env --ignore-environment "${@:2}"
"""


class Container(AbstractContextManager["Container"]):
    """An image of which commands can be run."""

    def __init__(self, storage: Storage, image: str, volumes: Mapping[str, Path]) -> None:
        """`volumes`: writable folders of this machine, by their place in the container."""
        self.config: Config = storage.config(image)
        self._mounted = storage.mounted(image)
        self._volumes = volumes
        self._root = Path()

    def __enter__(self) -> Self:
        self._root = self._mounted.__enter__()
        for folder in self._volumes.values():
            folder.mkdir(parents=True, exist_ok=True)
            os.chown(folder, USER, USER)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._mounted.__exit__(kind, error, trace)

    def command(self, command: Sequence[str], env: Mapping[str, str]) -> list[str]:
        """What to run on this machine for a command to be run in the container."""
        volumes = (f"{folder}:{place}" for place, folder in self._volumes.items())
        variables = [*self.config.env, *(f"{name}={value}" for name, value in env.items())]
        return [
            *("unshare", "--mount", "--propagation", "private", "bash", "-c", _SCRIPT, "container"),
            *(str(self._root), *volumes, "--", self.config.user),
            *(f"--chdir={self.config.folder}", *variables, *command),
        ]

    def run(self, *command: str, env: Mapping[str, str] | None = None) -> str:
        """What a command printed. Raises ImagesError."""
        return run(self.command(command, env or {})).strip()

    def service(self, env: Mapping[str, str], log: Path) -> Process:
        """The image's own command as a process, not yet started."""
        return Process(self.command(self.config.command, env), log=log, env=os.environ)
