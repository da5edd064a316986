"""The index finds the groups that a search through all of them finds, whatever came and went."""

from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st

from services.stream.filter_index import FilterIndex
from services.stream.filters import View, Wanted, parse
from shared.keys import Limit

ONE, TWO = "1" * 32, "2" * 32


@dataclass(frozen=True, eq=False)
class Group:
    wanted: Wanted


def event_of(source: str, channel: str, recording: str, kind: str) -> View:
    return View(source, channel, recording, "1", kind, source, channel)


events = st.builds(
    event_of,
    st.sampled_from(["county", "metro"]),
    st.sampled_from(["5", "fire-1", "fire-2"]),
    st.sampled_from([ONE, TWO]),
    st.sampled_from(["segment", "completed"]),
)
pairs = st.one_of(
    st.tuples(st.just("source"), st.sampled_from(["county", "metro", "*", "c*"])),
    st.tuples(st.just("channel"), st.sampled_from(["5", "fire-1", "fire*", "*-2"])),
    st.tuples(st.just("recording"), st.sampled_from([ONE, TWO])),
    st.tuples(st.just("type"), st.sampled_from(["segment", "completed"])),
)
limits = st.sampled_from([(), (Limit(source="county"),), (Limit(channel="fire*"),)])
conjunctions = st.lists(pairs, max_size=4)


@st.composite
def wanteds(draw: st.DrawFn) -> Wanted:
    filters = draw(st.lists(conjunctions, min_size=1, max_size=3))
    joined = tuple(f for pairs in filters for f in parse(pairs).filters)
    return Wanted(joined, draw(limits))


@given(
    st.lists(st.one_of(wanteds(), events, st.integers(0, 20)), max_size=30),
    events,
)
def test_index_and_search_agree(steps: list[Wanted | View | int], last: View) -> None:
    """A step adds a group, removes one by its place, or looks an event up."""
    index: FilterIndex[Group] = FilterIndex()
    there: list[Group] = []
    for step in [*steps, last]:
        if isinstance(step, Wanted):
            there.append(Group(step))
            index.add(there[-1])
        elif isinstance(step, int):
            if step < len(there):
                index.remove(there.pop(step))
        else:
            found = index.matching(step)
            assert len(found) == len(set(found))
            assert set(found) == {group for group in there if group.wanted.wants(step)}


def test_those_that_do_not_want_an_event_are_not_asked_again() -> None:
    """The cost of an event is that of those who want it."""

    class Counting(Wanted):
        asked = 0

        def wants(self, event: View) -> bool:
            Counting.asked += 1
            return super().wants(event)

    index: FilterIndex[Group] = FilterIndex()
    for number in range(500):
        index.add(Group(Counting(parse([("channel", str(number))]).filters)))
        index.add(Group(Counting(parse([("recording", f"{number:032x}")]).filters)))
    event = View("county", "7", f"{9:032x}", "1", "segment", "county", "7")
    index.matching(event)
    Counting.asked = 0
    for _ in range(10):
        assert len(index.matching(event)) == 2
    assert Counting.asked == 10  # the one that names its recording
