"""What people type to search for: every input is a query, or a refusal that names `q`."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.stream.history.query import Wanted
from services.stream.history.terms import LONGEST, terms
from shared.errors import BadInput
from tests.support import history as support

TEXTS = (
    "Engine seven, structure fire at 12 Birch Street",
    "Smoke alarm at Birch court; it's a drill",
    "Evacuate! Feuer am Böhmerwald-Platz",
    'NOT a "drill" AND OR NEAR text: column',
)
DB = support.filled(
    *(
        support.stored(support.recording(at), support.version(1, text))
        for at, text in enumerate(TEXTS)
    )
)


def found(typed: str) -> set[int]:
    wanted = Wanted(q=terms(typed))
    return {TEXTS.index(each.text) for each in support.page(DB, wanted).recordings}


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("birch", {0, 1}),
        ("BIRCH fire", {0}),
        ("fire birch", {0}),
        ('"birch street"', {0}),
        ('"street birch"', set[int]()),
        ('"birch street', {0}),
        ("fire OR smoke", {0, 1}),
        ("fire OR smoke birch", {0, 1}),
        ("birch fire OR smoke OR feuer", {0, 1}),
        ("birch -drill", {0}),
        ('birch -"smoke alarm"', {0}),
        ("birch -fire -smoke", set[int]()),
        ("evac*", {2}),
        ("eva*", {2}),
        ('"structure fi"*', {0}),
        ("bohmerwald", {2}),
        ("böhmerwald-platz", {2}),
        ("it's", {1}),
        ("12", {0}),
        ("near", {3}),
        ("NEAR", {3}),
        ("AND NOT", {3}),
        ("text:column", {3}),
        ("OR drill", {1, 3}),
        ("drill OR", {1, 3}),
        ("🔥 birch", {0, 1}),
        ("nobody", set[int]()),
        ("bir*ch", set[int]()),
    ],
)
def test_what_is_found(typed: str, expected: set[int]) -> None:
    assert found(typed) == expected


@pytest.mark.parametrize(
    "typed", ["", " ", '"', '""', "-birch", "🔥", "* -", "OR", "ev*", "x" * 501]
)
def test_what_is_no_search_is_refused(typed: str) -> None:
    with pytest.raises(BadInput) as refused:
        terms(typed)
    assert refused.value.field == "q"
    assert refused.value.limit


_SYNTAX = st.sampled_from(
    [
        '"',
        "*",
        "-",
        "(",
        ")",
        ":",
        "^",
        "+",
        "NEAR",
        "OR",
        "AND",
        "NOT",
        "text",
        "\0",
        "'",
        ";",
        "{",
    ]
)


@given(st.lists(_SYNTAX | st.text(max_size=6), max_size=12).map(" ".join))
def test_nothing_that_is_typed_is_an_error_of_sqlite(typed: str) -> None:
    try:
        query = terms(typed[:LONGEST])
    except BadInput:
        return
    support.page(DB, Wanted(q=query))
