"""What a caller may say of a recording."""

from datetime import UTC, datetime, timedelta, timezone

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.ingest.submission import DEPTH, FIELDS, METADATA, NAME, TEXT, read_fields
from shared.errors import BadInput
from shared.messages import Options


def test_nothing_said_is_a_plain_upload() -> None:
    said = read_fields({})
    assert (said.source, said.channel, said.lane) == ("upload", "default", None)
    assert said.options == Options()
    assert said.start is None


def test_every_field_is_read() -> None:
    said = read_fields({name: field.example for name, field in FIELDS.items()})
    assert said.source == "county"
    assert said.start == datetime(2026, 3, 1, 12, tzinfo=UTC)
    assert said.options == Options(
        model="medium.en",
        language="en",
        prompt="Engine 4, Medic 2, Birch Street",
        hotwords="Birch Street",
        words=True,
    )
    assert said.metadata == {"incident": 42}
    assert said.correlation_id == "call-8121"
    assert said.filename == "call.wav"


def test_an_empty_field_counts_as_absent() -> None:
    assert read_fields(dict.fromkeys(FIELDS, "  ")) == read_fields({})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("source", "x" * (NAME + 1)),
        ("source", "a\x00b"),
        ("channel", "line\nbreak"),
        ("channel", "escape\x1b[2J"),
        ("channel", "line\u2028separator"),
        ("source", "county\u202egnp"),
        ("channel", "\u2066fire\u2069"),
        ("channel", "fi\u200bre"),
        ("source", "\ufeffcounty"),
        ("source", "co\u00adunty"),
        ("correlation_id", "x" * (NAME + 1)),
        ("filename", "a" * 256),
        ("filename", "a\rb"),
        ("start", "yesterday"),
        ("start", "2026-03-01T12:00:00"),
        ("start", "2026-03-01"),
        ("start", "2026-13-01T12:00:00Z"),
        ("start", "0001-01-01T00:00:00+14:00"),
        ("start", "9999-12-31T23:59:59-14:00"),
        ("start", "1969-12-31T23:59:59Z"),
        ("start", "1772366400"),
        ("lane", "express"),
        ("lane", "URGENT"),
        ("language", "english"),
        ("language", "e1"),
        ("task", "summarise"),
        ("words", "maybe"),
        ("model", "a b"),
        ("model", "m" * (NAME + 1)),
        ("prompt", "p" * (TEXT + 1)),
        ("hotwords", "a\x07b"),
        ("metadata", "not json"),
        ("metadata", "[1, 2]"),
        ("metadata", '"text"'),
        ("metadata", "null"),
        ("metadata", '{"a": NaN}'),
        ("metadata", '{"a": "\\ud800"}'),
        ("metadata", '{"a":' * (DEPTH + 1) + "1" + "}" * (DEPTH + 1)),
        ("metadata", '{"a":' + "[" * 8_000 + "]" * 8_000 + "}"),
        ("metadata", '{"a": "%s"}' % ("x" * METADATA)),
    ],
)
def test_a_bad_value_is_refused_by_field_and_limit(name: str, value: str) -> None:
    with pytest.raises(BadInput) as caught:
        read_fields({name: value})
    assert caught.value.field == name
    assert caught.value.limit == FIELDS[name].limit
    assert name in str(caught.value)
    assert len(str(caught.value)) < 400


def test_an_unknown_field_is_named() -> None:
    with pytest.raises(BadInput, match="'sorce'") as caught:
        read_fields({"sorce": "x"})
    assert caught.value.field == "sorce"
    assert "source" in str(caught.value.limit)


@pytest.mark.parametrize(
    "value",
    [
        "2026-03-01T13:30:00.250+01:30",
        "2026-03-01T12:00:00.250Z",
        "2026-03-01T13:30:00.250 01:30",
        "2026-03-01t12:00:00.250z",
    ],
)
def test_a_start_is_an_instant_in_any_zone(value: str) -> None:
    expected = datetime(2026, 3, 1, 12, 0, 0, 250_000, tzinfo=UTC)
    assert read_fields({"start": value}).start == expected


@given(
    st.datetimes(
        min_value=datetime(1970, 1, 2),
        max_value=datetime(2099, 12, 30),
        timezones=st.integers(-14 * 60, 14 * 60).map(lambda m: timezone(timedelta(minutes=m))),
    )
)
def test_every_start_within_the_limits_is_kept(start: datetime) -> None:
    assert read_fields({"start": start.isoformat()}).start == start


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        (r"C:\calls\one.wav", "one.wav"),
        ("/home/two.wav", "two.wav"),
        ("Überfall.mp3", "Überfall.mp3"),
    ],
)
def test_a_filename_loses_its_path(given: str, kept: str) -> None:
    assert read_fields({"filename": given}).filename == kept


_json = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=20,
)


@given(st.dictionaries(st.text(max_size=10), _json, max_size=5))
def test_metadata_is_kept_as_it_is(metadata: dict[str, object]) -> None:
    said = read_fields({"metadata": msgspec.json.encode(metadata).decode()})
    assert said.metadata == metadata


@given(name=st.sampled_from(list(FIELDS)), value=st.text(max_size=200))
def test_any_text_is_read_or_refused_by_name(name: str, value: str) -> None:
    try:
        read_fields({name: value})
    except BadInput as error:
        refused: str | None = error.field
    else:
        refused = None
    assert refused in (None, name)
