"""How a part is run: written by `deploy.box.prepare`, followed by `deploy.box.part`."""

from pathlib import Path

import msgspec
from msgspec import Struct


class Recipe(Struct, frozen=True, kw_only=True):
    """One part's process."""

    command: tuple[str, ...]
    env: dict[str, str]
    """Beside the variables that systemd sets."""
    folder: str | None
    """Working directory, if it matters."""
    port: int = 0
    """Of the S3 server, which is told something once it answers."""
    inner_ports: tuple[int, ...] = ()
    """The same server's."""


def read(path: Path) -> Recipe:
    """The recipe in a file."""
    return msgspec.json.decode(path.read_bytes(), type=Recipe)
