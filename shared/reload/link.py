"""What a reloader and its processes say to each other: one JSON object a line, over two sockets.

Either end closes when its process is gone, however it went.
"""

import msgspec
from msgspec import Struct

KEPT = "RELOAD_KEPT"
"""Environment variable: where the kept process of the service listens, a path."""


class Prepare(Struct, frozen=True, tag="prepare"):
    """Import libraries, and wait: the code is not saved yet."""

    libraries: list[str]


class Load(Struct, frozen=True, tag="load"):
    """Import the code, and wait."""


class Go(Struct, frozen=True, tag="go"):
    """Run what was imported."""


class Imported(Struct, frozen=True, tag="imported"):
    """The code is imported, and waits for Go."""

    files: list[str]
    """The project's own files among what was imported: absolute paths."""


class Failed(Struct, frozen=True, tag="failed"):
    """The code cannot be imported; the process ends."""

    lines: list[str]
    """Why: the traceback, without what is not the project's own."""


class Ready(Struct, frozen=True, tag="ready"):
    """The service is up."""

    libraries: list[str]
    """The modules that it has imported, less the project's own."""


Order = Prepare | Load | Go
Said = Imported | Failed | Ready

_orders: msgspec.json.Decoder[Order] = msgspec.json.Decoder(Order)
_said: msgspec.json.Decoder[Said] = msgspec.json.Decoder(Said)


def encode(line: Order | Said) -> bytes:
    """One line."""
    return msgspec.json.encode(line) + b"\n"


def decode_order(line: bytes) -> Order:
    """What the reloader says."""
    return _orders.decode(line)


def decode_said(line: bytes) -> Said:
    """What a process says."""
    return _said.decode(line)
