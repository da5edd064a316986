"""How a version stands, and which one's transcript is given."""

from datetime import UTC, datetime

import pytest

from services.stream.catalogue import VersionView, choose, version_view
from shared.http.problem import ProblemError, problem_of
from shared.messages import (
    Completed,
    Correction,
    Event,
    Failed,
    Options,
    Queued,
    Started,
    VersionRequest,
)
from shared.version_state import VersionState, fold
from tests.support.calls import PLAN

NOW = datetime(2026, 1, 1, tzinfo=UTC)
QUEUED = Queued(
    recording="1",
    version=1,
    source="s",
    channel="c",
    time=NOW,
    lane="live",
    duration=1.0,
    options=Options(),
)
STARTED = Started(
    recording="1", version=1, source="s", channel="c", time=NOW, worker="w", attempt=1, plan=PLAN
)
FAILED = Failed(
    recording="1", version=1, source="s", channel="c", time=NOW, code="bad", reason="It broke."
)
COMPLETED = Completed(
    recording="1",
    version=1,
    source="s",
    channel="c",
    time=NOW,
    transcript="key",
    segments=0,
    duration=1.0,
    language=None,
    model="demo",
    processing=1.0,
)


@pytest.mark.parametrize(
    ("events", "stored", "status"),
    [
        ([], False, "queued"),
        ([QUEUED], False, "queued"),
        ([QUEUED, STARTED], False, "started"),
        ([QUEUED, STARTED, FAILED], False, "failed"),
        ([QUEUED, STARTED, COMPLETED], False, "completed"),
        ([], True, "completed"),
        ([QUEUED, STARTED], True, "completed"),
        ([QUEUED, FAILED], True, "completed"),
        ([QUEUED, STARTED, FAILED, QUEUED], False, "queued"),
        ([QUEUED, STARTED, FAILED, QUEUED, STARTED], False, "started"),
    ],
)
def test_the_store_and_the_events_tell_how_a_version_stands(
    events: list[Event], stored: bool, status: str
) -> None:
    state = VersionState()
    for sequence, event in enumerate(events, start=1):
        state = fold(state, event, sequence)
    view = version_view(1, stored=stored, state=state, request=None)
    assert view.status == status
    assert bool(view.reason) == (status == "failed")


def views(*statuses: str) -> list[VersionView]:
    return [
        version_view(
            number,
            stored=status == "completed",
            state=VersionState(failed=FAILED if status == "failed" else None),
            request=None,
        )
        for number, status in enumerate(statuses, start=1)
    ]


@pytest.mark.parametrize(
    ("statuses", "wanted", "chosen"),
    [
        (["completed"], None, 1),
        (["completed", "completed"], None, 2),
        (["completed", "queued"], None, 1),
        (["completed", "failed"], None, 1),
        (["completed", "completed"], 1, 1),
    ],
)
def test_the_newest_transcript_is_given(
    statuses: list[str], wanted: int | None, chosen: int
) -> None:
    assert choose(views(*statuses), wanted) == chosen


def test_a_correction_is_given_before_what_a_model_made_later() -> None:
    by_hand = VersionRequest(
        recording="1",
        version=2,
        lane="live",
        options=Options(),
        requested=NOW,
        correction=Correction(base=1, segments=[], key="k"),
    )
    made = version_view(2, stored=True, state=VersionState(), request=by_hand)
    assert made.kind == "correction"
    found = views("completed", "completed", "completed")
    found[1] = made
    assert choose(found, None) == 2
    assert choose(found, 3) == 3


@pytest.mark.parametrize(
    ("statuses", "wanted", "status", "reason"),
    [
        ([], None, 409, "The recording has no version yet."),
        (["completed"], 2, 404, "The recording has no version 2."),
        (["queued"], None, 409, "Version 1 is not ready: it is queued."),
        (["completed", "queued"], 2, 409, "Version 2 is not ready: it is queued."),
        (["failed"], None, 410, "Version 1 failed: It broke."),
        (["queued", "failed"], None, 410, "Version 2 failed: It broke."),
    ],
)
def test_why_there_is_none(
    statuses: list[str], wanted: int | None, status: int, reason: str
) -> None:
    with pytest.raises(ProblemError) as refused:
        choose(views(*statuses), wanted)
    problem, _ = problem_of(refused.value)
    assert (problem.status, problem.detail) == (status, reason)
