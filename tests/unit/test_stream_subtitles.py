"""Plain text and subtitles of a transcript."""

import re
from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared import subtitles
from shared.messages import Transcript, TranscriptSegment


def transcript(*segments: tuple[float, float, str]) -> Transcript:
    return Transcript(
        recording="1" * 32,
        version=1,
        source="upload",
        channel="default",
        duration=100.0,
        language="en",
        model="demo",
        created=datetime(2026, 1, 1, tzinfo=UTC),
        text=" ".join(text for _, _, text in segments),
        segments=[
            TranscriptSegment(index=index, start=start, end=end, text=text, confidence=0.9)
            for index, (start, end, text) in enumerate(segments)
        ],
    )


TWO = transcript((0.0, 1.2345, "Engine seven"), (3661.5, 3662.0, "copy <that> & go --> now"))


def test_txt_is_a_line_for_each_segment() -> None:
    assert subtitles.txt(TWO) == "Engine seven\ncopy <that> & go --> now\n"


def test_srt() -> None:
    assert subtitles.srt(TWO) == (
        "1\n00:00:00,000 --> 00:00:01,234\nEngine seven\n\n"
        "2\n01:01:01,500 --> 01:01:02,000\ncopy <that> & go -> now\n\n"
    )


def test_vtt_is_escaped() -> None:
    assert subtitles.vtt(TWO) == (
        "WEBVTT\n"
        "\n00:00:00.000 --> 00:00:01.234\nEngine seven\n"
        "\n01:01:01.500 --> 01:01:02.000\ncopy &lt;that&gt; &amp; go --&gt; now\n"
    )


@pytest.mark.parametrize(
    ("write", "empty"), [(subtitles.txt, ""), (subtitles.srt, ""), (subtitles.vtt, "WEBVTT\n")]
)
def test_silence(write: Callable[[Transcript], str], empty: str) -> None:
    assert write(transcript()) == empty
    assert write(transcript((0.0, 1.0, "  \n "))) == empty


@given(st.text(), st.text())
def test_text_cannot_break_a_cue(one: str, two: str) -> None:
    written = transcript((0.0, 1.0, one), (1.0, 2.0, two))
    spoken = sum(bool(text.split()) for text in (one, two))
    for made in (subtitles.srt(written), subtitles.vtt(written)):
        assert made.count(" --> ") == spoken
        assert made.count("-->") == spoken
    assert len(subtitles.txt(written).splitlines()) == spoken


@given(st.floats(0, 1e6), st.floats(0, 1e6))
def test_times_are_whole_milliseconds_in_order(start: float, length: float) -> None:
    [segment] = transcript((start, start + length, "x")).segments
    times = re.fullmatch(
        r"(\d{2,}):([0-5]\d):([0-5]\d)\.(\d{3}) --> (\d{2,}):([0-5]\d):([0-5]\d)\.(\d{3})",
        subtitles.cue_times(segment, "."),
    )
    assert times is not None
    h1, m1, s1, ms1, h2, m2, s2, ms2 = map(int, times.groups())
    shown = ((h1 * 60 + m1) * 60 + s1) * 1000 + ms1
    hidden = ((h2 * 60 + m2) * 60 + s2) * 1000 + ms2
    assert abs(shown - start * 1000) <= 0.51
    assert abs(hidden - (start + length) * 1000) <= 1.51
    assert shown < hidden
