"""What the benchmarks compute, as far as it is not the measuring itself."""

from datetime import UTC, datetime

import msgspec
import pytest

from benchmarks.first_words import Measured, verdict
from benchmarks.local_stack import BenchmarkFailed, Clock, note
from benchmarks.samples import error_rate
from shared.client import Gap
from shared.messages import Event, decode_event


def event(kind: str, **fields: object) -> Event:
    """An event of some version."""
    common = {"recording": "0" * 32, "version": 1, "source": "s", "channel": "c"}
    time = datetime(2026, 1, 1, tzinfo=UTC)
    return decode_event(msgspec.json.encode({"type": kind, "time": time, **common, **fields}))


def test_the_bar_is_met_up_to_a_tenth_more() -> None:
    assert verdict("it", 1.1, 1.0) == "bar of 1.1x against it: met (1.10x)"
    assert verdict("it", 1.2, 1.0) == "bar of 1.1x against it: MISSED (1.20x)"


def test_the_median_counts() -> None:
    assert Measured([3.0, 1.0, 2.0]).median == 2.0


def test_the_error_rate_counts_words() -> None:
    assert error_rate("a b c d", "a b x d") == 0.25
    assert error_rate(["a b", "c d"], ["a b", "c x"]) == 0.25


def test_a_moment_is_noted_once() -> None:
    clock = Clock()
    clock.mark("ready")
    first = clock.moments["ready"]
    clock.mark("ready")
    assert clock.moments == {"ready": first}


def test_words_are_gathered_until_the_end() -> None:
    texts: list[str] = []
    clock = Clock()
    segment = event("segment", index=0, chunk=0, start=0, end=1, text="on scene", confidence=1)
    assert note(segment, texts, clock) is None
    completed = event(
        "completed",
        transcript="k",
        segments=1,
        duration=1,
        language="en",
        model="m",
        processing=1,
    )
    assert note(completed, texts, clock) is completed
    assert texts == ["on scene"]
    assert list(clock.moments) == ["first word", "completed"]


@pytest.mark.parametrize("ended", [Gap("gone"), event("failed", code="c", reason="gone")])
def test_a_recording_that_fails_is_no_measurement(ended: Event | Gap) -> None:
    with pytest.raises(BenchmarkFailed, match="gone"):
        note(ended, [], Clock())
