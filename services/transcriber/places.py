"""How many jobs of each lane a worker may still take: a pure function of what it has in hand."""

from shared.subjects import LANES, Lane


def free_places(lane: Lane, in_hand: int, in_flight: int) -> int:
    """How many more of a lane, with `in_hand` jobs of any lane and `in_flight` places.

    A quarter of the places is kept for each lane before a job's own: hours of backfill in hand do
    not keep a live call waiting, nor live calls an urgent one.
    """
    kept = in_flight // 4 * LANES.index(lane)
    return max(0, in_flight - kept - in_hand)


def refill(in_flight: int) -> int:
    """How many places of a lane that was full are to be free before it is asked for jobs."""
    return max(1, in_flight // 8)
