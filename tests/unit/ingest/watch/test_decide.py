"""What is done about the files of one name, and when."""

import pytest

from services.ingest.watch.decide import (
    DOUBT,
    PATIENCE,
    Decision,
    Sighting,
    Verdict,
    decide,
    judge,
    sight,
)
from services.ingest.watch.folder import Changed
from services.ingest.watch.ledger import Row, State
from services.ingest.watch.names import Stamp
from shared.errors import Full, NotAudio, TooLarge
from tests.support.watching import STEM

A, B = Stamp(100, 1), Stamp(200, 2)
SETTLE = 2.0


def made(
    files: dict[str, Stamp],
    rows: dict[str, tuple[Stamp, State]] | None = None,
    age: float = SETTLE,
    stem: str = "call",
) -> Decision:
    """What is decided of files that have been as they are for `age` seconds."""
    known = {suffix: Row(*row) for suffix, row in (rows or {}).items()}
    return decide(stem, Sighting(files, 10.0), known, 10.0 + age, SETTLE)


def chosen(decision: Decision) -> list[tuple[str, bool, str | None, list[str]]]:
    return [(t.suffix, t.is_call, t.meta, sorted(t.twins)) for t in decision.takes]


def test_a_file_is_read_when_it_has_not_changed_for_a_while() -> None:
    assert made({".wav": A}, age=1.5) == Decision(again=12.0)
    assert chosen(made({".wav": A})) == [(".wav", False, None, [])]


def test_a_change_begins_the_while_anew() -> None:
    first = sight({".wav": A}, None, 10.0)
    assert sight({".wav": A}, first, 11.0) is first
    assert sight({".wav": B}, first, 11.0) == Sighting({".wav": B}, 11.0)


def test_a_json_makes_a_call_whatever_the_name() -> None:
    assert chosen(made({".wav": A, ".json": B})) == [(".wav", True, ".json", [])]
    assert made({".json": A}) == Decision()


def test_of_a_call_one_file_is_taken() -> None:
    found = made({".wav": A, ".m4a": B, ".json": B})
    assert chosen(found) == [(".m4a", True, ".json", [".wav"])]
    assert found.takes[0].twins == {".wav": A}


def test_plain_files_of_one_name_are_two_recordings() -> None:
    assert chosen(made({".wav": A, ".mp3": B})) == [
        (".wav", False, None, []),
        (".mp3", False, None, []),
    ]


def test_what_is_named_as_a_call_waits_for_its_json_but_not_for_ever() -> None:
    assert made({".wav": A}, stem=STEM) == Decision(again=10.0 + PATIENCE)
    assert chosen(made({".wav": A}, age=PATIENCE, stem=STEM)) == [(".wav", True, None, [])]
    assert chosen(made({".wav": A, ".json": B}, stem=STEM)) == [(".wav", True, ".json", [])]


@pytest.mark.parametrize("left", [{".m4a": B}, {".m4a": B, ".wav": A}, {".m4a": B, ".json": A}])
def test_the_same_call_in_another_form_is_not_taken_again(left: dict[str, Stamp]) -> None:
    """Whether or not the first is still there, and the JSON."""
    found = made(left, {".wav": (A, "call")})
    assert found.takes == ()
    assert found.twins == {".m4a": B}


def test_a_file_that_was_replaced_is_another_recording() -> None:
    files = {".wav": B, ".m4a": A, ".json": A}
    found = made(files, {".wav": (A, "call"), ".m4a": (A, "twin")})
    assert chosen(found) == [(".wav", True, ".json", [])]
    assert chosen(made({".wav": B}, {".wav": (A, "plain")})) == [(".wav", False, None, [])]


@pytest.mark.parametrize("state", ["twin", "refused"])
def test_another_form_that_changes_stays_another_form(state: State) -> None:
    found = made({".wav": A, ".m4a": B}, {".wav": (A, "call"), ".m4a": (A, state)})
    assert found.takes == ()
    assert found.twins == {".m4a": B}


def test_when_one_form_was_refused_the_other_is_taken() -> None:
    found = made({".wav": A, ".m4a": B, ".json": A}, {".m4a": (B, "refused")})
    assert chosen(found) == [(".wav", True, ".json", [])]


def test_what_is_left_of_a_call_goes_with_it() -> None:
    rows: dict[str, tuple[Stamp, State]] = {".m4a": (B, "call"), ".wav": (A, "twin")}
    files = {".m4a": B, ".wav": A, ".json": A}
    assert made(files, rows) == Decision(taken=files)
    assert made({".json": A}, rows) == Decision(taken={".json": A})


def test_what_is_left_of_plain_files_leaves_others_alone() -> None:
    assert made({".wav": A, ".json": A}, {".wav": (A, "plain")}) == Decision(taken={".wav": A})


def test_what_was_refused_goes_with_its_json() -> None:
    files = {".wav": A, ".json": A}
    assert made(files, {".wav": (A, "refused")}) == Decision(refused=files)


@pytest.mark.parametrize(
    ("error", "tries", "verdict"),
    [
        (Changed(), 1, Verdict("look", SETTLE)),
        (Changed(), 9, Verdict("look", SETTLE)),
        (Full(""), 1, Verdict("room", 0.5)),
        (NotAudio("", field="file"), 1, Verdict("look", SETTLE * DOUBT)),
        (NotAudio("", field="file"), 2, Verdict("refuse")),
        (TooLarge("", field="file"), 1, Verdict("refuse")),
        (PermissionError(), 3, Verdict("look", 2.0)),
        (RuntimeError(), 99, Verdict("look", 30.0)),
    ],
)
def test_what_becomes_of_a_file_that_cannot_be_taken(
    error: Exception, tries: int, verdict: Verdict
) -> None:
    assert judge(error, tries, SETTLE, 1.0) == verdict
