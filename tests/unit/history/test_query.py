"""What an URL's query asks for."""

import pytest

from services.stream.history.query import Wanted, parse, token
from shared.errors import BadInput


def test_a_query_is_read() -> None:
    wanted = parse(
        [
            ("source", "county"),
            ("source", "ci*"),
            ("since", "2026-03-01T14:00:00 02:00"),
            ("q", "fire"),
            ("needs_review", "true"),
            ("max_confidence", "0.5"),
            ("status", "failed"),
            ("cursor", token(77)),
        ]
    )
    assert wanted.sources == {"county", "ci*"}
    assert wanted.since is not None
    assert wanted.since.isoformat() == "2026-03-01T12:00:00+00:00"
    assert (wanted.needs_review, wanted.max_confidence, wanted.cursor) == (True, 0.5, 77)
    assert wanted.statuses == {"failed"}
    assert parse([]) == Wanted()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("colour", "red"),
        ("source", ""),
        ("channel", "x" * 201),
        ("since", "yesterday"),
        ("since", "2026-03-01T12:00:00"),
        ("until", ""),
        ("limit", "0"),
        ("limit", "501"),
        ("limit", "many"),
        ("cursor", "../x"),
        ("cursor", ""),
        ("cursor", "-1"),
        ("cursor", "f" * 17),
        ("status", "done"),
        ("min_confidence", "2"),
        ("max_confidence", "nan"),
        ("needs_review", "perhaps"),
        ("corrected", ""),
        ("q", '"'),
    ],
)
def test_what_is_not_allowed_is_named(name: str, value: str) -> None:
    with pytest.raises(BadInput) as refused:
        parse([(name, value)])
    assert refused.value.field == name
    assert refused.value.limit


def test_a_route_may_take_some_of_them_only() -> None:
    with pytest.raises(BadInput, match="no filter 'q'"):
        parse([("q", "fire")], ("source", "since"))
