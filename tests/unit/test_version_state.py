"""A version's state is a pure fold over its events."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from shared.bus import Fence, Message, StoredMessage
from shared.memory_bus import MemoryBus
from shared.messages import Event, Segment, Started, encode
from shared.subjects import version_events
from shared.topology import topology
from shared.version_state import (
    VersionState,
    fold,
    fold_message,
    read_recording,
    read_version,
)
from shared.writer import VersionWriter
from tests.support.events import RECORDING, completed, failed, queued, segment, started

EVENTS = st.lists(
    st.one_of(
        st.builds(queued),
        st.builds(started, st.integers(1, 9)),
        st.builds(segment, st.integers(0, 99), st.integers(0, 9)),
        st.builds(completed),
        st.builds(failed),
    )
)


def state_of(*events: Event) -> VersionState:
    state = VersionState()
    for sequence, event in enumerate(events, start=11):
        state = fold(state, event, sequence)
    return state


def test_a_version_from_beginning_to_end() -> None:
    state = state_of(queued(), started(), segment(0), segment(1), segment(2, 1), completed(3))
    assert state.queued == queued()
    assert state.starts == (started(),)
    assert [s.index for s in state.segments] == [0, 1, 2]
    assert (state.chunks_done, state.last_sequence) == (2, 16)
    assert state.completed == completed(3)
    assert state.finished


def test_nothing_is_known_of_nothing() -> None:
    assert state_of() == VersionState()
    assert VersionState().chunks_done == 0
    assert not VersionState().finished


def test_attempts_count_the_starts_with_nothing_after_them() -> None:
    assert state_of(queued(), started(1), started(2)).attempts_without_progress == 2
    assert state_of(queued(), started(1), segment(0)).attempts_without_progress == 0
    assert state_of(queued(), started(1), segment(0), started(2)).attempts_without_progress == 1


def test_a_version_queued_again_after_it_failed_has_a_new_chance() -> None:
    state = state_of(queued(), started(1), started(2), failed())
    assert state.finished
    again = fold(state, queued(), 99)
    assert (again.finished, again.attempts_without_progress, again.last_sequence) == (False, 0, 99)


def test_a_version_waits_until_it_is_started() -> None:
    assert state_of(queued()).waiting
    assert not state_of(queued(), started()).waiting
    assert state_of(queued(), started(), failed(), queued()).waiting
    assert not VersionState().waiting


def test_a_start_after_a_failure_clears_it() -> None:
    assert not state_of(queued(), failed(), started()).finished


def test_of_an_event_of_a_later_release_only_the_sequence_counts() -> None:
    state = state_of(queued(), started())
    later = StoredMessage("s", b'{"type": "corrected"}', {}, 77)
    assert fold_message(state, later) == replace(state, last_sequence=77)


@given(EVENTS, EVENTS)
def test_folding_in_two_parts_is_folding_at_once(first: list[Event], then: list[Event]) -> None:
    state = state_of(*first)
    for sequence, event in enumerate(then, start=11 + len(first)):
        state = fold(state, event, sequence)
    assert state == state_of(*first, *then)


@given(EVENTS)
def test_a_state_tells_what_it_was_made_of(events: list[Event]) -> None:
    state = state_of(*events)
    assert list(state.starts) == [e for e in events if isinstance(e, Started)]
    assert list(state.segments) == [e for e in events if isinstance(e, Segment)]
    assert state.last_sequence == (10 + len(events) if events else 0)
    tail = 0
    for event in events:
        tail = tail + 1 if isinstance(event, Started) else 0
    assert state.attempts_without_progress == tail


async def test_states_are_read_from_the_bus() -> None:
    bus = MemoryBus()
    await bus.ensure(topology())
    one = VersionWriter(bus, "county", "fire 1", RECORDING, 1)
    await one.publish_all([queued(), started(), segment(0)])
    other = "echobase.events.county.x." + RECORDING + ".2.queued"
    await bus.publish(Message(other, encode(queued())))
    state = await read_version(bus, "county", "fire 1", RECORDING, 1)
    assert state.segments == (segment(0),)
    assert state.last_sequence == one.last_sequence == 3
    found = await read_recording(bus, RECORDING)
    assert set(found) == {1, 2}
    assert found[1] == state
    scope = version_events("county", "fire 1", RECORDING, 1)
    await bus.publish(Message(scope[:-1] + "x", b""), Fence(scope, state.last_sequence))
