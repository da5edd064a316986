"""On which addresses a process and its children listen, by what Linux says of it."""

import socket
import struct
from pathlib import Path

_LISTEN = "0A"


def listening(pid: int) -> set[tuple[str, int]]:
    """Address and port of every TCP socket on which a process or a descendant listens."""
    inodes = {inode for each in family(pid) for inode in _socket_inodes(each)}
    found: set[tuple[str, int]] = set()
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        for line in Path(table).read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == _LISTEN and fields[9] in inodes:
                found.add(_endpoint(fields[1]))
    return found


def family(pid: int) -> list[int]:
    """A process and all its descendants."""
    tasks = Path(f"/proc/{pid}/task")
    children = [
        int(child) for task in tasks.iterdir() for child in (task / "children").read_text().split()
    ]
    return [pid, *(member for child in children for member in family(child))]


def _socket_inodes(pid: int) -> set[str]:
    found: set[str] = set()
    for descriptor in Path(f"/proc/{pid}/fd").iterdir():
        try:
            target = str(descriptor.readlink())
        except FileNotFoundError:
            continue
        if target.startswith("socket:["):
            found.add(target[len("socket:[") : -1])
    return found


def _endpoint(text: str) -> tuple[str, int]:
    address, _, port = text.partition(":")
    raw = bytes.fromhex(address)
    # The kernel prints each 32-bit word in its own byte order.
    words = struct.pack(f">{len(raw) // 4}I", *struct.unpack(f"={len(raw) // 4}I", raw))
    kind = socket.AF_INET if len(raw) == 4 else socket.AF_INET6
    return socket.inet_ntop(kind, words), int(port, 16)
