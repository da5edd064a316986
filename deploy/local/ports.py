"""Free ports on loopback, and whether a port is taken."""

import random
import socket
from collections.abc import Container

LOOPBACK = "127.0.0.1"
# Below the range from which systems take the ports of outgoing connections, so that a server that
# is killed and started again finds its port still free.
_CANDIDATES = range(20_000, 32_000)


def is_free(port: int) -> bool:
    """Whether a server could listen on the port now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
    return True


def free_ports(count: int, taken: Container[int] = ()) -> list[int]:
    """So many different ports that are free now, and not among those taken.

    Raises OSError if there are not so many.
    """
    found: list[int] = []
    for port in random.sample(_CANDIDATES, len(_CANDIDATES)):
        if len(found) == count:
            return found
        if port not in taken and is_free(port):
            found.append(port)
    raise OSError("no free ports on loopback")


def first_free(wanted: int, given: Container[int] = ()) -> int:
    """The wanted port if it is free and not given away already, else any other."""
    return wanted if wanted not in given and is_free(wanted) else free_ports(1)[0]
