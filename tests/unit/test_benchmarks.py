"""What the benchmarks compute, as far as it is not the measuring itself."""

from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest

from benchmarks.engine_load import moments, percentile
from benchmarks.engine_reference import cut_as_whisper
from benchmarks.first_words import Measured, verdict
from benchmarks.local_stack import BenchmarkFailed, Clock, note
from benchmarks.samples import MODEL, error_rate
from services.transcriber.model_folder import read_traits
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


def test_the_log_says_when_what_was_first_there() -> None:
    log = "\n".join(
        [
            "not a record",
            '{"time": "1970-01-01T00:00:11Z", "message": "model ready"}',
            '{"time": "1970-01-01T00:00:12Z", "message": "something else"}',
            '{"time": "1970-01-01T00:00:13Z", "message": "model ready"}',
        ]
    )
    assert moments(log, 10.0) == [("model ready", 1.0)]


def test_a_percentile_is_of_the_values() -> None:
    assert percentile([float(n) for n in range(101)], 99) == 99.0


def test_a_model_that_is_cut_as_whisper_says_so(tmp_path: Path) -> None:
    traits = read_traits(cut_as_whisper(MODEL, tmp_path / "cut"))
    assert (traits.join_pauses, traits.longest_chunk) == (True, 30.0)
    assert (tmp_path / "cut" / "model.bin").stat().st_size > 0
