"""A network of one's own starts with its loopback down; this raises it (Linux, root)."""

import fcntl
import socket
import struct

_SET_FLAGS = 0x8914
"""`SIOCSIFFLAGS` of <linux/sockios.h>."""
_UP_RUNNING = 0x1 | 0x40
"""`IFF_UP | IFF_RUNNING` of <linux/if.h>."""


def raise_loopback() -> None:
    """Make 127.0.0.1 work in this network namespace. Raises OSError."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        request = struct.pack("16sh22x", b"lo", _UP_RUNNING)
        fcntl.ioctl(sock, _SET_FLAGS, request)
