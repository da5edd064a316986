"""A query is read as a form is: strictly."""

import pytest

from shared.errors import BadInput
from shared.http.query import pairs


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        (b"", []),
        (b"&&", []),
        (b"a=1&b=2&a=3", [("a", "1"), ("b", "2"), ("a", "3")]),
        (b"a&b=", [("a", ""), ("b", "")]),
        (b"a=x=y", [("a", "x=y")]),
        (b"a=1+2%2B3%20", [("a", "1 2+3 ")]),
        (b"s=S%C3%BCd&%C3%BC=1", [("s", "Süd"), ("ü", "1")]),
        ("s=Süd".encode(), [("s", "Süd")]),
        (b"s=%zz%", [("s", "%zz%")]),
        (b"s=a;b", [("s", "a;b")]),
    ],
)
def test_pairs(query: bytes, expected: list[tuple[str, str]]) -> None:
    assert pairs(query) == expected


@pytest.mark.parametrize(
    ("query", "field"),
    [
        (b"source=%ff", "source"),
        (b"a=1&channel=S%C3", "channel"),
        (b"channel=\xff", "channel"),
        (b"a=%ED%A0%80", "a"),
        (b"%ff=1", "query"),
    ],
)
def test_what_is_not_utf_8_is_refused_by_its_name(query: bytes, field: str) -> None:
    with pytest.raises(BadInput) as caught:
        pairs(query)
    assert (caught.value.field, caught.value.limit) == (field, "UTF-8")
