"""What Linux says of a process and its connections."""

import os
import time
from pathlib import Path
from typing import NamedTuple

_PAGE = os.sysconf("SC_PAGE_SIZE")
_ESTABLISHED = 1
_CPU_OF_PROCESS = 2


def resident(pid: int) -> int:
    """Bytes of a process that are in memory."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * _PAGE


def cpu(pid: int) -> float:
    """Seconds of CPU that a process has used, all its threads together."""
    # The number of another process's clock, as `clock_getcpuclockid` makes it.
    return time.clock_gettime((~pid << 3) | _CPU_OF_PROCESS)


def cpu_of_loop(pid: int) -> float:
    """Seconds of CPU that a process's first thread has used."""
    return int(Path(f"/proc/{pid}/task/{pid}/schedstat").read_text().split()[0]) / 1e9


class Held(NamedTuple):
    """What the kernel holds for one connection."""

    established: bool
    unsent: int
    """Bytes that the other side has not acknowledged."""


def held(port: int) -> dict[int, Held]:
    """For each connection that a server on a port of 127.0.0.1 has, by its client's port."""
    found: dict[int, Held] = {}
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        fields = line.split()
        mine, theirs = (int(end.partition(":")[2], 16) for end in fields[1:3])
        if mine == port and theirs:
            unsent = int(fields[4].partition(":")[0], 16)
            found[theirs] = Held(int(fields[3], 16) == _ESTABLISHED, unsent)
    return found
