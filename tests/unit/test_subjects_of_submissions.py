"""The subjects of SUBMIT, and those by which a refusal is announced."""

import pytest

from shared import subjects
from shared.memory_stream import matches
from shared.topology import EVENTS, SUBMIT


@pytest.mark.parametrize("name", ["county", "Bezirk Süd", "a.b", "*", ">", "", "x" * 200])
def test_any_name_has_a_subject_that_the_stream_takes(name: str) -> None:
    subject = subjects.submission(name, name)
    assert matches(SUBMIT.subjects[0], subject)
    assert subjects.parse_submission(subject) == (subjects.token(name), subjects.token(name))


@pytest.mark.parametrize(
    "subject", ["echobase.submit.a", "echobase.submit.a.b.c", "echobase.jobs.a.b", "a.submit.b.c"]
)
def test_what_is_no_submission_is_said(subject: str) -> None:
    with pytest.raises(ValueError, match="not the subject of a submission"):
        subjects.parse_submission(subject)


@pytest.mark.parametrize(
    ("source", "channel"), [("county", "fire"), ("*", ">"), ("Süd", "\x01"), ("x" * 100, "_x")]
)
def test_a_refusal_keeps_the_tokens_that_are_some(source: str, channel: str) -> None:
    subject = subjects.refused(f"echobase.submit.{source}.{channel}", "0" * 32)
    parts = subjects.parse_event(subject)
    assert matches(EVENTS.subjects[0], subject)
    assert parts == (
        source if source == "county" else subjects.token(source),
        channel if channel in ("fire", "_x") else subjects.token(channel),
        "0" * 32,
        0,
        "refused",
    )
