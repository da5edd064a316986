"""Free ports on loopback, and whether a port is taken."""

import random
import socket
from collections import deque
from collections.abc import Container

LOOPBACK = "127.0.0.1"
# Below the range from which systems take the ports of outgoing connections, so that a server that
# is killed and started again finds its port still free.
_CANDIDATES = range(20_000, 32_000)
# Each is given once until all others were: one that was given may have no server yet, or one that
# is just being started again.
_turns = deque(random.sample(_CANDIDATES, len(_CANDIDATES)))


def keep_to(part: int, parts: int) -> None:
    """From now on give only ports of one part of several, counted from 0: for processes that start
    many servers at the same time, of which each may find a port free that another has given."""
    kept = [port for port in _turns if port % parts == part]
    _turns.clear()
    _turns.extend(kept)


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
    for _ in range(len(_turns)):
        if len(found) == count:
            return found
        port = _turns[0]
        _turns.rotate(-1)
        if port not in taken and is_free(port):
            found.append(port)
    raise OSError("no free ports on loopback")


def first_free(wanted: int, given: Container[int] = ()) -> int:
    """The wanted port if it is free and not given away already, else any other."""
    return wanted if wanted not in given and is_free(wanted) else free_ports(1)[0]
