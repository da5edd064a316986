"""glibc's allocator, told to give back what a recording has needed.

By default it raises, whenever a large block is freed, the size from which blocks get pages of their
own. After one look of the voice detector at five minutes its 115 MB then stay with the process.
"""

import ctypes
import sys

_MIB = 1024**2
# Of glibc's malloc.h. Setting either fixes it, and the other would no longer follow.
_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3
_ARENA_MAX = -8


def give_back() -> bool:
    """Have large blocks returned when they are freed; whether the allocator can do that.

    Before threads start: each would have an arena of its own.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None) if sys.platform == "linux" else None
    if mallopt is None:
        return False
    # Large enough that what a model needs for a chunk again and again stays where it is.
    limits = {_MMAP_THRESHOLD: 4 * _MIB, _TRIM_THRESHOLD: 16 * _MIB, _ARENA_MAX: 2}
    return all(mallopt(name, value) == 1 for name, value in limits.items())
