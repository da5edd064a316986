"""The ring holds the latest messages without a hole."""

from hypothesis import given
from hypothesis import strategies as st

from shared.bus import StoredMessage
from shared.ring import Ring


def message(sequence: int) -> StoredMessage:
    return StoredMessage("s", b"", {}, sequence)


@given(
    st.integers(1, 10),
    st.integers(0, 5),
    st.lists(st.lists(st.integers(1, 3), min_size=1, max_size=8)),
    st.integers(0, 60),
)
def test_nothing_after_the_floor_is_missing(
    capacity: int, floor: int, steps: list[list[int]], position: int
) -> None:
    ring, sequence, everything = Ring(capacity, floor), floor, list[StoredMessage]()
    for batch in steps:
        arrived: list[StoredMessage] = []
        for step in batch:  # a stream's sequences have holes
            sequence += step
            arrived.append(message(sequence))
        everything += arrived
        ring.extend(arrived)
    assert ring.last == sequence
    if position >= ring.floor:
        assert ring.after(position, 1000) == [m for m in everything if m.sequence > position]
    kept = ring.after(ring.floor, 1000)
    assert min(capacity, len(everything)) <= len(kept) <= 2 * capacity
