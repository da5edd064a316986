"""Scopes, and limits to sources and channels."""

import fnmatch
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.keys import OPEN, Credential, Limit, Scope, allowed, matches


def holder(*scopes: Scope, limits: tuple[Limit, ...] = ()) -> Credential:
    return Credential("k", frozenset(scopes), limits)


@pytest.mark.parametrize(
    ("has", "wanted", "expected"),
    [
        (("read",), ("read",), True),
        (("read",), ("ingest",), False),
        (("read",), ("read", "ingest"), False),
        (("read", "ingest"), ("read", "ingest"), True),
        (("read", "ingest"), ("admin",), False),
        (("admin",), ("read", "ingest", "admin"), True),
        ((), ("read",), False),
    ],
)
def test_every_scope_that_is_asked_for_is_needed_and_admin_has_all(
    has: tuple[Scope, ...], wanted: tuple[Scope, ...], expected: bool
) -> None:
    assert holder(*has).may(wanted) is expected


@pytest.mark.parametrize(
    ("limits", "source", "channel", "expected"),
    [
        ((), "county", "fire", True),
        ((Limit(source="county"),), "county", "fire", True),
        ((Limit(source="county"),), "metro", "fire", False),
        ((Limit(channel="fire*"),), "metro", "fire-dispatch", True),
        ((Limit(source="county", channel="fire*"),), "county", "ems", False),
        ((Limit(source="county"), Limit(source="metro", channel="ems")), "metro", "ems", True),
        ((Limit(source="county"), Limit(source="metro", channel="ems")), "metro", "fire", False),
        ((Limit(source="county"),), "County", "fire", False),
    ],
)
def test_a_credential_reaches_what_any_of_its_limits_holds(
    limits: tuple[Limit, ...], source: str, channel: str, expected: bool
) -> None:
    assert allowed(holder("admin", limits=limits), source, channel) is expected
    assert allowed(OPEN, source, channel)


_TEXT = st.text("ab.[]?*\n ", max_size=8)


@given(_TEXT, _TEXT)
def test_a_star_is_the_only_wildcard(pattern: str, name: str) -> None:
    pieces = ".*".join(re.escape(piece) for piece in pattern.split("*"))
    assert matches(pattern, name) is bool(re.fullmatch(pieces, name, re.DOTALL))


@given(st.text("ab*", max_size=8), st.text("ab", max_size=8))
def test_it_matches_as_shells_do(pattern: str, name: str) -> None:
    assert matches(pattern, name) is fnmatch.fnmatchcase(name, pattern)
