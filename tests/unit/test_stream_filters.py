"""Filters of the event stream: from the query to subjects and a predicate."""

import tracemalloc

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.stream.filters import Wanted, asked, parse, parse_subject
from shared import subjects
from shared.bus import StoredMessage
from shared.errors import BadInput
from shared.keys import OPEN
from shared.messages import ALL_TYPES

ONE, TWO = "1" * 32, "2" * 32


def message(source: str, channel: str, recording: str, kind: str) -> StoredMessage:
    data = msgspec.json.encode({"source": source, "channel": channel})
    return StoredMessage(subjects.event(source, channel, recording, 1, kind), data, {}, 1)


def matches(pattern: str, subject: str) -> bool:
    """Whether a filter of JetStream matches, by NATS' own rules for `*`."""
    left, right = pattern.split("."), subject.split(".")
    return len(left) == len(right) and all(a in ("*", b) for a, b in zip(left, right, strict=True))


def test_no_filter_wants_every_event() -> None:
    filters = parse([])
    assert filters.subjects() == ("echobase.events.*.*.*.*.*",)
    assert filters.takes(message("upload", "default", ONE, "queued"))


def test_what_is_no_event_of_a_version_is_for_nobody() -> None:
    stray = StoredMessage("echobase.events.too.short", b"{}", {}, 1)
    assert not parse([]).takes(stray)


def test_values_of_one_filter_are_alternatives_and_filters_combine() -> None:
    filters = parse(
        [("recording", ONE), ("recording", TWO), ("type", "segment"), ("source", "county")]
    )
    assert filters.takes(message("county", "5", TWO, "segment"))
    assert not filters.takes(message("county", "5", TWO, "queued"))
    assert not filters.takes(message("upload", "5", TWO, "segment"))
    assert not filters.takes(message("county", "5", "3" * 32, "segment"))


def test_real_names_find_their_tokens() -> None:
    name = "Feuerwehr Süd > 1"
    filters = parse([("channel", name)])
    assert filters.takes(message("upload", name, ONE, "queued"))
    assert ">" not in "".join(filters.subjects())


def test_the_id_is_no_filter() -> None:
    assert parse([("last_event_id", "a-1")]) == Wanted()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("recordings", ONE),
        ("recording", "../../etc"),
        ("recording", "*"),
        ("recording", ""),
        ("type", "segments"),
        ("type", ">"),
        ("source", ""),
        ("channel", "x" * 201),
        ("version", "1"),
    ],
)
def test_what_is_no_filter_is_refused_by_its_name(name: str, value: str) -> None:
    with pytest.raises(BadInput) as refused:
        parse([(name, value)])
    assert (refused.value.field, refused.value.status) == (name, 400)


def test_too_many_values_are_refused() -> None:
    with pytest.raises(BadInput, match="too many"):
        parse([("channel", str(number)) for number in range(101)])


names = st.sampled_from(["county", "upload", "Süd 1", "a.b", "*", "c*y", ">"])
recordings = st.sampled_from([ONE, TWO, "3" * 32])


@given(
    st.lists(
        st.tuples(st.just("source") | st.just("channel"), names)
        | st.tuples(st.just("recording"), recordings)
        | st.tuples(st.just("type"), st.sampled_from(ALL_TYPES)),
        max_size=8,
    ),
    names,
    names,
    recordings,
    st.sampled_from(ALL_TYPES),
)
def test_subjects_match_whatever_is_wanted(
    query: list[tuple[str, str]], source: str, channel: str, recording: str, kind: str
) -> None:
    filters = parse(query)
    event = message(source, channel, recording, kind)
    assert filters.takes(event) <= any(matches(s, event.subject) for s in filters.subjects())


def test_many_combinations_are_left_to_the_predicate() -> None:
    numbers = [str(number) for number in range(100)]
    filters = parse([(name, number) for name in ("source", "channel") for number in numbers])
    found = filters.subjects()
    assert len(found) <= 64
    assert all(
        any(matches(s, message(number, number, ONE, "queued").subject) for s in found)
        for number in numbers
    )


def test_an_asterisk_stands_for_any_characters_of_the_real_name() -> None:
    filters = parse([("channel", "Feuerwehr*"), ("source", "county")])
    assert filters.takes(message("county", "Feuerwehr Süd", ONE, "queued"))
    assert not filters.takes(message("county", "Polizei Süd", ONE, "queued"))
    assert filters.subjects() == ("echobase.events.county.*.*.*.*",)


def test_several_filters_are_alternatives() -> None:
    filters = parse([("filter", "source=county&type=segment"), ("filter", f"recording={ONE}")])
    assert filters.takes(message("county", "5", TWO, "segment"))
    assert filters.takes(message("metro", "5", ONE, "queued"))
    assert not filters.takes(message("county", "5", TWO, "queued"))
    assert not filters.from_the_first
    assert filters.subjects() == ("echobase.events.*.*.*.*.*",)


def test_filters_that_do_not_overlap_are_asked_for_as_they_are() -> None:
    filters = parse([("filter", "source=county&channel=5"), ("filter", "source=metro&channel=6")])
    assert filters.subjects() == (
        "echobase.events.county.5.*.*.*",
        "echobase.events.metro.6.*.*.*",
    )


@pytest.mark.parametrize("value", ["", "county", "source", "recording=x", "filter=source%3Da"])
def test_what_is_no_filter_within_a_filter_is_refused(value: str) -> None:
    with pytest.raises(BadInput):
        parse([("filter", value)])


def test_too_many_filters_are_refused() -> None:
    with pytest.raises(BadInput, match="too many"):
        parse([("filter", f"source={number}") for number in range(33)])


@pytest.mark.parametrize(
    ("subject", "wanted"),
    [
        ("echobase.events.>", True),
        ("echobase.events.county.>", True),
        ("echobase.events.county.5.*.1.segment", True),
        ("echobase.events.*.*.*.*.segment", True),
        ("echobase.events.*.*.*.2.segment", False),
        ("echobase.events.metro.>", False),
        (f"echobase.events.county.5.{TWO}.*.*", False),
    ],
)
def test_a_subject_is_a_filter(subject: str, wanted: bool) -> None:
    filters = parse_subject(subject)
    assert filters.takes(message("county", "5", ONE, "segment")) is wanted


@pytest.mark.parametrize(
    "subject",
    ["echobase.jobs.live", "echobase.events", "echobase.events.a.b", "echobase.events.a b.>", ">"],
)
def test_what_is_no_subject_of_events_is_refused(subject: str) -> None:
    with pytest.raises(BadInput) as refused:
        parse_subject(subject)
    assert refused.value.field == "subject"


def test_queries_that_nobody_repeats_leave_little_behind() -> None:
    """Whoever follows one recording asks what nobody else does; a day has thousands of them."""

    def ask(first: int, last: int) -> int:
        for number in range(first, last):
            asked((("recording", f"{number:032x}"),), OPEN)
        return tracemalloc.get_traced_memory()[0]

    tracemalloc.start()
    try:
        few = ask(0, 600)
        assert ask(600, 4000) - few < 200_000
    finally:
        tracemalloc.stop()
