"""Programs of the system, run and looked after."""

import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence


class ImagesError(Exception):
    """The images cannot be made or do not work; `str()` says why."""


def run(command: Sequence[str], *, env: Mapping[str, str] | None = None) -> str:
    """What a program printed. Raises ImagesError, with the end of what it complained of."""
    done = subprocess.run(  # noqa: S603 - the commands are ours
        command,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        env=None if env is None else dict(env),
    )
    if done.returncode:
        tail = "\n".join([*done.stdout.splitlines(), *done.stderr.splitlines()][-30:])
        raise ImagesError(f"`{' '.join(command[:6])} …` ended with {done.returncode}:\n{tail}")
    return done.stdout


def require_root() -> None:
    """Raises ImagesError unless run as root."""
    if os.geteuid():
        raise ImagesError(
            "mounts, users and networks are real here, so it runs as root: sudo make images-check"
        )


def ensure_programs(*names: str) -> None:
    """Install Debian's packages of these programs, if they are missing.

    Raises ImagesError where it cannot.
    """
    missing = [name for name in names if shutil.which(name) is None]
    if not missing:
        return
    if shutil.which("apt-get") is None or os.geteuid():
        raise ImagesError(
            f"{', '.join(missing)} not found: install it (on Debian, as root: apt-get install "
            f"{' '.join(missing)})"
        )
    quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    run(["apt-get", "update", "-qq"], env=quiet)
    run(["apt-get", "install", "-y", "-qq", "--no-install-recommends", *missing], env=quiet)
