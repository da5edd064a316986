"""What is decided about a job that did not succeed."""

import pytest

from shared.errors import (
    BusUnavailable,
    FenceLost,
    ModelAway,
    ModelUnavailable,
    NotAudio,
    NotSupported,
    ObjectMissing,
    TooManyAttempts,
)
from shared.retry import Abandon, DeadLetter, Decision, RetryAfter, RetryPolicy, decide

POLICY = RetryPolicy(attempts=3, first=1.0, longest=3.0)


@pytest.mark.parametrize(
    ("error", "attempt", "expected"),
    [
        (FenceLost("x"), 9, Abandon()),
        (ObjectMissing("gone"), 1, DeadLetter("object-missing", "gone")),
        (NotAudio("text", field="file"), 1, DeadLetter("not-audio", "text")),
        (NotSupported("no xx"), 1, DeadLetter("not-supported", "no xx")),
        (TooManyAttempts("3"), 1, DeadLetter("too-many-attempts", "3")),
        (ModelUnavailable("m"), 1, DeadLetter("model-unavailable", "m")),
        (ModelAway("m"), 1, RetryAfter(1.0)),
        (ModelAway("m"), 3, DeadLetter("model-unavailable", "m")),
        (BusUnavailable("away"), 1, RetryAfter(1.0)),
        (RuntimeError("boom"), 1, RetryAfter(1.0)),
        (RuntimeError("boom"), 2, RetryAfter(2.0)),
        (
            RuntimeError("boom"),
            3,
            DeadLetter("too-many-attempts", "RuntimeError: boom (attempt 3)"),
        ),
    ],
)
def test_decision(error: Exception, attempt: int, expected: Decision) -> None:
    assert decide(error, attempt, POLICY) == expected


def test_no_wait_is_longer_than_the_longest() -> None:
    assert [POLICY.wait(n) for n in range(1, 5)] == [1.0, 2.0, 3.0, 3.0]
