"""How many files, sockets included, the process may have open at once."""

import resource

_ENOUGH = 65_536
"""More than one process can serve; some systems refuse to hear of `unlimited`."""


def raise_limit() -> None:
    """Allow as many as the system lets this user have: a common default is 1024, and each reader
    of the events takes two."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _ENOUGH if hard == resource.RLIM_INFINITY else min(hard, _ENOUGH)
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    except (ValueError, OSError):
        # As it was, then: the limit is the system's own affair.
        return
