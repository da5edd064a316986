"""How often Python looks for cycles of objects that nobody uses.

Each open stream is some hundred objects that live as long as its reader, and a full collection
looks at all of them: a tenth of a second with a thousand readers, in which no event leaves. What an
event needs is freed by its reference count, without any collection.
"""

import gc

_YOUNG = 50_000
"""Objects made and not freed until the youngest are looked through; Python's own is 700."""
_TIMES = (20, 50)
"""Of the younger generation's collections before one of the next; Python's own are 10 and 10."""


def collect_rarely() -> None:
    """Look for cycles less often from now on, and never again among what exists already."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(_YOUNG, *_TIMES)
