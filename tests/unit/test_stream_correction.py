"""What a transcript becomes by a correction."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.stream.correction import correct
from shared.errors import BadInput
from shared.messages import (
    Correction,
    Options,
    SegmentCorrection,
    Transcript,
    TranscriptSegment,
    VersionRequest,
    Word,
)

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
WORDS = [Word(0.0, 0.5, "Engine", 0.9), Word(0.5, 1.0, "heaven,", 0.2), Word(1.0, 1.5, "go", 0.8)]
BASE = Transcript(
    recording="1" * 32,
    version=1,
    source="county",
    channel="fire",
    duration=10.0,
    language="en",
    model="demo",
    created=NOON,
    text="Engine heaven, go Copy",
    segments=[
        TranscriptSegment(
            index=0, start=0.0, end=1.5, text="Engine heaven, go", confidence=0.6, words=WORDS
        ),
        TranscriptSegment(index=1, start=4.0, end=5.0, text="Copy", confidence=0.7),
    ],
)


def after(*segments: SegmentCorrection) -> Transcript:
    request = VersionRequest(
        recording=BASE.recording,
        version=2,
        lane="live",
        options=Options(),
        requested=NOON,
        correction=Correction(base=1, segments=list(segments), key="k"),
    )
    return correct(BASE, request)


def test_nothing_to_correct_leaves_everything() -> None:
    made = after()
    assert made.segments == BASE.segments
    assert (made.version, made.text, made.model) == (2, BASE.text, "demo")


def test_a_segment_says_something_else_at_the_same_time() -> None:
    made = after(SegmentCorrection(index=0, text="Engine  seven,\ngo"))
    first, second = made.segments
    assert (first.text, first.start, first.end, first.confidence) == (
        "Engine seven, go",
        0.0,
        1.5,
        1.0,
    )
    assert [(w.text, w.start, w.end) for w in first.words] == [
        ("Engine", 0.0, 0.5),
        ("seven,", 0.5, 1.0),
        ("go", 1.0, 1.5),
    ]
    assert [w.confidence for w in first.words] == [0.9, 1.0, 0.8]
    assert second == BASE.segments[1]
    assert made.text == "Engine seven, go Copy"


def test_new_words_share_the_time_of_those_they_replace() -> None:
    made = after(SegmentCorrection(index=0, text="Engine number seven now, go"))
    assert [(w.text, w.start, w.end) for w in made.segments[0].words] == [
        ("Engine", 0.0, 0.5),
        ("number", 0.5, 0.667),
        ("seven", 0.667, 0.833),
        ("now,", 0.833, 1.0),
        ("go", 1.0, 1.5),
    ]


def test_segments_are_taken_out_and_put_in() -> None:
    made = after(
        SegmentCorrection(index=0, text=""), SegmentCorrection(text="Ten four", start=2.0, end=3.0)
    )
    assert [(s.index, s.start, s.text) for s in made.segments] == [
        (0, 2.0, "Ten four"),
        (1, 4.0, "Copy"),
    ]
    assert made.text == "Ten four Copy"


def test_a_segment_moves() -> None:
    made = after(SegmentCorrection(index=1, text="Copy", start=0.0, end=0.2))
    assert [s.text for s in made.segments] == ["Copy", "Engine heaven, go"]


@pytest.mark.parametrize(
    "segments",
    [
        [SegmentCorrection(index=2, text="x")],
        [SegmentCorrection(index=1, text="x"), SegmentCorrection(index=1, text="y")],
        [SegmentCorrection(index=1, text=""), SegmentCorrection(index=1, text="y")],
        [SegmentCorrection(text="x")],
        [SegmentCorrection(text="x", start=1.0)],
        [SegmentCorrection(text="x", start=2.0, end=1.0)],
        [SegmentCorrection(text="x", start=20.0, end=21.0)],
        [SegmentCorrection(index=0, text="x", end=99.0)],
    ],
)
def test_what_is_no_correction_is_refused(segments: list[SegmentCorrection]) -> None:
    with pytest.raises(BadInput) as refused:
        after(*segments)
    assert refused.value.field == "segments"


@given(
    st.lists(
        st.sampled_from(["engine", "seven", "go", "heaven", "no", "yes"]), min_size=1, max_size=12
    )
)
def test_words_keep_their_order_and_their_place(text: list[str]) -> None:
    [segment, *_] = after(SegmentCorrection(index=0, text=" ".join(text))).segments
    assert [w.text.lower().strip(",") for w in segment.words] == text
    times = [t for w in segment.words for t in (w.start, w.end)]
    assert times == sorted(times)
    assert 0.0 <= times[0] <= times[-1] <= 1.5
