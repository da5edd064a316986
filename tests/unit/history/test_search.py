"""Pages of the history: order, filters, limits, what is shown of several versions."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.stream.found import LONGEST_TEXT, FoundRecording
from services.stream.history import ledger
from services.stream.history.query import Wanted, parse
from services.stream.history.terms import terms
from shared.keys import Credential, Limit, allowed
from tests.support import history as support
from tests.support.history import BY_HAND, NOON, every, filled, page, recording, stored, version

PLACES = [("county", "fire"), ("county", "ems"), ("city", "fire"), ("Süd", "Kanal *"), ("*", "?")]


def texts(found: Iterable[FoundRecording]) -> list[str]:
    return [each.text for each in found]


def test_the_newest_comes_first_by_when_it_began() -> None:
    early = recording(9, start=NOON - timedelta(days=1))
    late = recording(1, start=NOON + timedelta(days=1))
    db = filled(stored(recording(2)), stored(early), stored(late), stored(recording(3)))
    ids = [late.id, recording(3).id, recording(2).id, early.id]
    assert [each.id for each in page(db).recordings] == ids


def test_recordings_of_one_moment_are_all_there() -> None:
    start = NOON + timedelta(microseconds=1)
    crowd = [replace_id(recording(1, start=start), at) for at in range(50)]
    db = filled(*map(stored, crowd))
    found = every(db, Wanted(limit=7))
    assert {each.id for each in found} == {each.id for each in crowd}
    assert len(found) == 50
    assert not page(db, Wanted(since=start + timedelta(microseconds=1))).recordings
    assert len(every(db, Wanted(since=start, until=start + timedelta(microseconds=1)))) == 50


def replace_id(found: Any, at: int) -> Any:
    return type(found)(
        **{name: getattr(found, name) for name in found.__struct_fields__}
        | {"id": f"00000000{at:024x}"}
    )


@pytest.mark.parametrize("time", ["0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z"])
def test_odd_times_are_times(time: str) -> None:
    start = parse([("since", time)]).since
    db = filled(stored(recording(1, start=start)), stored(recording(2)))
    assert len(every(db, Wanted(limit=1))) == 2
    assert recording(1).id in {each.id for each in page(db, Wanted(since=start)).recordings}


def test_filters_combine() -> None:
    db = filled(
        stored(recording(1, "county", "fire"), version(1, "one fire")),
        stored(recording(2, "county", "ems"), version(1, "two fire", confidence=0.3)),
        stored(recording(3, "city", "fire"), version(1, "three", confidence=0.59)),
        stored(
            recording(4, "city", "ems"),
            version(1, "four", confidence=0.1),
            version(2, "IV", correction=BY_HAND),
        ),
        stored(recording(5, "city", "ems")),
        stored(recording(6, "city", "ems"), version(1, "")),
    )

    def found(*query: tuple[str, str]) -> list[str]:
        return texts(page(db, parse(query)).recordings)

    assert found(("source", "county")) == ["two fire", "one fire"]
    assert found(("source", "c*y"), ("channel", "fire")) == ["three", "one fire"]
    assert found(("source", "nobody")) == []
    assert found(("q", "fire"), ("channel", "ems")) == ["two fire"]
    assert found(("needs_review", "true")) == ["three", "two fire"]
    assert found(("needs_review", "false")) == ["", "", "IV", "one fire"]
    assert found(("min_confidence", "0.59")) == ["IV", "three", "one fire"]
    assert found(("max_confidence", "0.3")) == ["two fire"]
    assert found(("corrected", "true")) == ["IV"]
    assert found(("status", "queued")) == [""]
    assert found(("status", "queued"), ("status", "failed")) == [""]


def test_a_hands_work_is_shown_before_a_models() -> None:
    db = filled(
        stored(
            recording(1),
            version(1, "wrong"),
            version(2, "right", correction=BY_HAND),
            version(3, "newer"),
        )
    )
    [found] = page(db).recordings
    assert (found.text, found.version, found.versions, found.corrected) == ("right", 2, 3, True)
    assert not page(db, Wanted(q=terms("newer"))).recordings
    assert not page(db, Wanted(q=terms("wrong"))).recordings


def test_a_long_text_is_cut() -> None:
    db = filled(stored(recording(1), version(1, "word " * 1000)), stored(recording(2)))
    short, long = page(db).recordings
    assert (short.text, short.text_cut) == ("", False)
    assert (len(long.text), long.text_cut) == (LONGEST_TEXT, True)


def test_what_was_said_cannot_mark_itself() -> None:
    db = filled(stored(recording(1), version(1, "a \x01b\x02 c")))
    ledger.put(db, stored(recording(2), version(1, support.rows.plain("x \x01y\x02 b"))))
    [found, *_] = page(db, Wanted(q=terms("b"))).recordings
    assert [(part.text, part.match) for part in found.snippet] == [("x y ", False), ("b", True)]


_PATTERNS = st.sampled_from(
    ["*", "county", "c*", "*fire", "f*e", "Süd", "Kanal*", "?", "K?nal", "[c]*"]
)


@settings(max_examples=200)
@given(
    st.lists(st.builds(Limit, source=_PATTERNS, channel=_PATTERNS), max_size=3),
    st.sampled_from(["", "alpha"]),
    st.integers(1, 4),
)
def test_limits_hide_what_is_not_within_them(limits: list[Limit], typed: str, size: int) -> None:
    wanted = Wanted(limits=tuple(limits), limit=size, q=terms(typed) if typed else "")
    credential = Credential("k", frozenset({"read"}), tuple(limits))
    visible = [place for place in reversed(CROWD) if allowed(credential, *place)]
    assert [(each.source, each.channel) for each in every(DB, wanted)] == visible


CROWD = [PLACES[at % len(PLACES)] for at in range(23)]
DB = filled(
    *(stored(recording(at, *place), version(1, f"alpha {at}")) for at, place in enumerate(CROWD))
)


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.integers(0, 500), min_size=1, max_size=40, unique=True),
    st.lists(st.lists(st.integers(0, 500), max_size=5), max_size=8),
    st.integers(1, 5),
)
def test_paging_gives_each_once_whatever_comes_meanwhile(
    first: list[int], later: list[list[int]], size: int
) -> None:
    db = filled(*(stored(recording(at)) for at in first))
    wanted, seen = Wanted(limit=size), list[str]()
    waiting = iter(later)
    while True:
        given = page(db, wanted)
        seen += [each.id for each in given.recordings]
        if given.next is None:
            break
        wanted = replace(wanted, cursor=int(given.next, 16))
        for at in next(waiting, list[int]()):
            ledger.put(db, stored(recording(at)))
    assert len(seen) == len(set(seen))
    assert set(seen) >= {recording(at).id for at in first}
    order = [each.id for each in every(db, Wanted(limit=500))]
    assert [id for id in order if id in set(seen)] == seen
