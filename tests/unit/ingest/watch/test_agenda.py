"""What is looked at when."""

from services.ingest.watch.agenda import Agenda
from services.ingest.watch.listener import inside
from services.ingest.watch.names import Group, Stamp

A, B = Group("", "a"), Group("", "b")
FILES = {".wav": Stamp(1, 1)}


def test_what_was_found_is_looked_at_once_it_may_be_finished() -> None:
    agenda = Agenda()
    agenda.found(A, FILES, 10.0, 2.0)
    assert agenda.due(11.0, 9) == []
    agenda.found(A, FILES, 11.0, 2.0)  # does not put it off
    assert agenda.next() == 12.0
    assert agenda.due(12.0, 9) == [A]
    assert agenda.sight(A, FILES, 12.0).since == 10.0


def test_what_was_heard_of_is_looked_at_at_once() -> None:
    agenda = Agenda()
    agenda.heard(A, ".MP3", 10.0)
    assert ".MP3" in agenda.endings(A)
    assert agenda.due(10.0, 9) == [A]
    assert agenda.next() is None


def test_nobody_looks_at_what_is_worked_on() -> None:
    agenda = Agenda()
    agenda.begin(A)
    agenda.begin(A)
    agenda.heard(A, ".wav", 10.0)
    agenda.heard(B, ".wav", 10.0)
    assert agenda.due(10.0, 9) == [B]
    agenda.end(A, 10.0)
    assert agenda.due(10.0, 9) == []
    assert len(agenda) == 2
    agenda.end(A, 12.0)
    assert agenda.due(11.0, 9) == []
    assert agenda.due(12.0, 9) == [A]


def test_a_few_at_a_time() -> None:
    agenda = Agenda()
    for group in (A, B):
        agenda.found(group, FILES, 10.0, 0.0)
    assert agenda.due(10.0, 1) == [A]
    assert agenda.due(10.0, 1) == [B]


def test_attempts_count_until_one_goes_well_or_there_is_nothing_left() -> None:
    agenda = Agenda()
    assert [agenda.failed(A), agenda.failed(A)] == [1, 2]
    agenda.went_well(A)
    assert agenda.failed(A) == 1
    agenda.drop(A)
    assert agenda.failed(A) == 1
    assert len(agenda) == 0


def test_what_the_system_names_is_within_the_folder_and_not_hidden() -> None:
    roots = ("/calls/", "/private/calls/")
    told = [
        "/calls/a.wav",
        "/private/calls/county/b.wav",
        "/calls/",
        "/calls/.taken/c.wav",
        "/calls/county/.d.wav",
        "/callsign/e.wav",
    ]
    assert inside(roots, told) == ["a.wav", "county/b.wav"]
