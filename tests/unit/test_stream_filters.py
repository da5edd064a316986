"""Filters of the event stream: from the query to subjects and a predicate."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.stream.filters import Filters, parse
from shared import subjects
from shared.bus import StoredMessage
from shared.errors import BadInput
from shared.messages import ALL_TYPES

ONE, TWO = "1" * 32, "2" * 32


def message(source: str, channel: str, recording: str, kind: str) -> StoredMessage:
    return StoredMessage(subjects.event(source, channel, recording, 1, kind), b"{}", {}, 1)


def matches(pattern: str, subject: str) -> bool:
    """Whether a filter of JetStream matches, by NATS' own rules for `*`."""
    left, right = pattern.split("."), subject.split(".")
    return len(left) == len(right) and all(a in ("*", b) for a, b in zip(left, right, strict=True))


def test_no_filter_wants_every_event() -> None:
    filters = parse([])
    assert filters.subjects() == ("echobase.events.*.*.*.*.*",)
    assert filters.wants(message("upload", "default", ONE, "queued"))


def test_what_is_no_event_of_a_version_is_for_nobody() -> None:
    stray = StoredMessage("echobase.events.too.short", b"{}", {}, 1)
    assert not parse([]).wants(stray)


def test_values_of_one_filter_are_alternatives_and_filters_combine() -> None:
    filters = parse(
        [("recording", ONE), ("recording", TWO), ("type", "segment"), ("source", "county")]
    )
    assert filters.wants(message("county", "5", TWO, "segment"))
    assert not filters.wants(message("county", "5", TWO, "queued"))
    assert not filters.wants(message("upload", "5", TWO, "segment"))
    assert not filters.wants(message("county", "5", "3" * 32, "segment"))


def test_real_names_find_their_tokens() -> None:
    name = "Feuerwehr Süd > 1"
    filters = parse([("channel", name)])
    assert filters.wants(message("upload", name, ONE, "queued"))
    assert ">" not in "".join(filters.subjects())


def test_the_id_is_no_filter() -> None:
    assert parse([("last_event_id", "a-1")]) == Filters()


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


names = st.sampled_from(["county", "upload", "Süd 1", "a.b", "*", ">"])
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
def test_subjects_and_predicate_agree(
    query: list[tuple[str, str]], source: str, channel: str, recording: str, kind: str
) -> None:
    filters = parse(query)
    event = message(source, channel, recording, kind)
    assert filters.wants(event) == any(matches(s, event.subject) for s in filters.subjects())


def test_many_combinations_are_left_to_the_predicate() -> None:
    numbers = [str(number) for number in range(100)]
    filters = parse([(name, number) for name in ("source", "channel") for number in numbers])
    found = filters.subjects()
    assert len(found) <= 64
    assert all(
        any(matches(s, message(number, number, ONE, "queued").subject) for s in found)
        for number in numbers
    )
