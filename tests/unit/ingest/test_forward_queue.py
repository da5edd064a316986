"""Which entry is forwarded next."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.ingest.entry import Held
from services.ingest.forward_queue import LONGEST_WAIT, ForwardQueue, Outage, wait
from shared.subjects import LANES, Lane
from tests.support.ingest import entry


def held(name: str, lane: Lane = "live", minute: int = 0) -> Held:
    return Held(entry(name.encode(), lane, minute=minute), size=1)


def drain(queue: ForwardQueue, now: float) -> list[Held]:
    found: list[Held] = []
    while (each := queue.next(now)) is not None:
        found.append(each)
    return found


@given(st.lists(st.tuples(st.sampled_from(LANES), st.integers(0, 50)), max_size=30))
def test_urgent_comes_first_and_then_the_oldest(given: list[tuple[Lane, int]]) -> None:
    queue = ForwardQueue()
    entries = [held(str(n), lane, minute) for n, (lane, minute) in enumerate(given)]
    for each in entries:
        queue.add(each)
    assert drain(queue, 0.0) == sorted(entries, key=lambda each: each.entry.priority)


def test_entries_of_one_instant_keep_their_order() -> None:
    queue = ForwardQueue()
    entries = [held(str(n)) for n in range(20)]
    for each in entries:
        queue.add(each)
    assert drain(queue, 0.0) == entries


def test_one_that_failed_waits_alone() -> None:
    queue = ForwardQueue()
    failed, other = held("failed", "urgent"), held("other", "backfill")
    queue.add_later(failed, 10.0)
    queue.add(other)
    assert len(queue) == 2
    assert queue.next_time() == 10.0
    assert drain(queue, 9.9) == [other]
    assert drain(queue, 10.0) == [failed]
    assert queue.next_time() is None


def test_what_waited_keeps_its_place_in_line() -> None:
    queue = ForwardQueue()
    old, new = held("old", minute=1), held("new", minute=2)
    queue.add(new)
    queue.add_later(old, 10.0)
    assert drain(queue, 11.0) == [old, new]


def test_waking_gives_every_entry_its_turn() -> None:
    queue = ForwardQueue()
    first, second = held("first", minute=1), held("second", minute=2)
    queue.add_later(second, 100.0)
    queue.add_later(first, 200.0)
    queue.wake()
    assert drain(queue, 0.0) == [first, second]


@given(attempts=st.integers(1, 100_000), chance=st.floats(0, 1))
def test_the_wait_is_capped_and_spread(attempts: int, chance: float) -> None:
    assert 0 < wait(attempts, chance) <= LONGEST_WAIT
    assert wait(attempts, 0.0) == pytest.approx(wait(attempts, 1.0) / 2)
    assert wait(attempts, chance) <= wait(attempts + 1, chance)


def test_an_outage_lasts_from_the_third_failure_to_the_first_answer() -> None:
    outage = Outage()
    for expected in (False, False, True, True):
        outage = outage.failed()
        assert outage.lasting is expected
    assert not outage.answered().lasting
