"""Free ports on loopback, and whether a port is taken."""

import random
import socket
from collections import deque
from collections.abc import Container, Iterable

LOOPBACK = "127.0.0.1"


def is_free(port: int) -> bool:
    """Whether a server could listen on the port now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
    return True


class Ports:
    """Gives free ports, each of them once until all others were.

    One that was given may have no server yet, or one that is just being started again.
    """

    def __init__(self, candidates: Iterable[int]) -> None:
        found = list(candidates)
        self._turns = deque(random.sample(found, len(found)))

    def leave(self, port: int) -> None:
        """Never give this one: it is somebody's."""
        if port in self._turns:
            self._turns.remove(port)

    def free(self, count: int, taken: Container[int] = ()) -> list[int]:
        """So many different ports that are free now, and not among those taken.

        Raises OSError if there are not so many.
        """
        found: list[int] = []
        for _ in range(len(self._turns)):
            if len(found) == count:
                break
            port = self._turns[0]
            self._turns.rotate(-1)
            if port not in taken and is_free(port):
                found.append(port)
        if len(found) < count:
            raise OSError("no free ports on loopback")
        return found

    def first_free(self, wanted: int, given: Container[int] = ()) -> int:
        """The wanted port if it is free and not given away already, else any other."""
        return wanted if wanted not in given and is_free(wanted) else self.free(1, given)[0]


# Below the range from which systems take the ports of outgoing connections, so that a server that
# is killed and started again finds its port still free.
_ours = Ports(range(20_000, 32_000))


def ours() -> Ports:
    """Those that this process gives."""
    return _ours


def keep_to(candidates: Iterable[int]) -> None:
    """From now on this process gives only these.

    For processes that start many servers at the same time, of which each may find a port free that
    another has given.
    """
    global _ours
    _ours = Ports(candidates)


def free_ports(count: int, taken: Container[int] = ()) -> list[int]:
    """So many different ports that are free now, and not among those taken, of this process's.

    Raises OSError if there are not so many.
    """
    return ours().free(count, taken)
