"""glibc's allocator, told what to do with memory that a recording has needed.

By default it raises, whenever a large block is freed, the size from which blocks get pages of their
own, up to 32 MiB. What then lies between smaller blocks stays with the process: 115 MB after one
look of the voice detector at five minutes, 20 MB after one damaged file that ingest examined.
"""

import ctypes
import sys

MIB = 1024**2
# Of glibc's malloc.h. Setting either fixes it, and the other would no longer follow.
_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3
_ARENA_MAX = -8


def give_back(block: int, spare: int) -> bool:
    """Have blocks of so many bytes returned when they are freed; whether the allocator can do that.

    `spare`: bytes of smaller ones that stay at hand. Before threads start: each would have an arena
    of its own.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None) if sys.platform == "linux" else None
    if mallopt is None:
        return False
    limits = {_MMAP_THRESHOLD: block, _TRIM_THRESHOLD: spare, _ARENA_MAX: 2}
    return all(mallopt(name, value) == 1 for name, value in limits.items())


def keep(spare: int) -> bool:
    """Have what is freed stay at hand, up to so many bytes; whether the allocator can do that.

    For who needs the same large blocks again and again: pages that are given back come back one
    fault at a time, a third of what an encoder's call takes. `trim` gives them back. Before threads
    start, as above.
    """
    return give_back(spare, spare)


def trim() -> None:
    """Give back whatever is free; slow if that is much."""
    trim_all = getattr(ctypes.CDLL(None), "malloc_trim", None) if sys.platform == "linux" else None
    if trim_all is not None:
        trim_all(0)
