"""What a file is a recording of."""

import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.ingest.radio.call import Call
from services.ingest.submission import NAME, Description
from services.ingest.watch.description import LIVE, clean, describe, place, timed
from services.ingest.watch.names import Group


@pytest.mark.parametrize(
    ("folder", "found"),
    [
        ("", ("watch", "default")),
        ("county", ("county", "default")),
        ("county/fire", ("county", "fire")),
        ("county/fire/2026/3", ("county", "fire")),
        ("Bezirk Süd/Übung", ("Bezirk Süd", "Übung")),
        ("\u202e/fire", ("fire", "default")),
    ],
)
def test_a_plain_file_is_named_by_its_place(folder: str, found: tuple[str, str]) -> None:
    assert place(folder) == found
    said = describe(Group(folder, "memo"), None, {}, 1.0, None, ".mp3")
    assert (said.source, said.channel) == found
    assert (said.start, said.filename, said.lane) == (None, "memo.mp3", None)


def test_a_call_that_names_no_system_is_of_the_folders() -> None:
    said = describe(Group("county/2026/3/1", "x"), Call(channel="54241"), {}, 1.0, None)
    assert (said.source, said.channel) == ("county", "54241")


@settings(deadline=None)
@given(st.text())
def test_every_name_is_made_one_that_is_allowed(name: str) -> None:
    found = clean(name)
    assert len(found) <= NAME
    assert clean(found) == found
    assert clean(unicodedata.normalize("NFD", name)) == found


def test_a_name_that_is_no_text_is_shown_as_far_as_it_is() -> None:
    assert clean("Gr\udcfcn") == "Gr\N{REPLACEMENT CHARACTER}n"


def test_what_is_old_keeps_nobody_waiting_but_an_emergency_does() -> None:
    assert timed(Description(), LIVE - 1).lane is None
    assert timed(Description(), LIVE + 1).lane == "backfill"
    assert timed(Description(lane="urgent"), LIVE + 1).lane == "urgent"
