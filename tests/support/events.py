"""Events of one version, for tests."""

from datetime import UTC, datetime

from shared.messages import Completed, Failed, Options, Plan, Queued, Segment, Started

RECORDING = "0123456789abcdef0123456789abcdef"
TIME = datetime(2026, 3, 4, 5, 6, 7, 890_000, UTC)
OPTIONS = Options()
PLAN = Plan(
    model="demo",
    options=OPTIONS,
    longest_chunk=8,
    join_pauses=False,
    shortest_pause=0.3,
    padding=0.15,
    window_margin=0.4,
    beam_size=1,
)


def queued() -> Queued:
    return Queued(
        recording=RECORDING,
        version=1,
        source="county",
        channel="fire 1",
        time=TIME,
        lane="live",
        duration=12.5,
        options=OPTIONS,
    )


def started(attempt: int = 1) -> Started:
    return Started(
        recording=RECORDING,
        version=1,
        source="county",
        channel="fire 1",
        time=TIME,
        worker="w1",
        attempt=attempt,
        plan=PLAN,
    )


def segment(index: int, chunk: int = 0) -> Segment:
    return Segment(
        recording=RECORDING,
        version=1,
        source="county",
        channel="fire 1",
        time=TIME,
        index=index,
        chunk=chunk,
        start=float(index),
        end=index + 0.5,
        text=f"words {index}",
        confidence=0.9,
    )


def completed(segments: int = 0) -> Completed:
    return Completed(
        recording=RECORDING,
        version=1,
        source="county",
        channel="fire 1",
        time=TIME,
        transcript="key",
        segments=segments,
        duration=12.5,
        language="en",
        model="demo",
        processing=1.0,
    )


def failed() -> Failed:
    return Failed(
        recording=RECORDING,
        version=1,
        source="county",
        channel="fire 1",
        time=TIME,
        code="not-audio",
        reason="no audio",
    )
