"""How events look on a terminal."""

from datetime import UTC, datetime

import pytest
from rich.text import Text

from shared.client import Gap
from shared.display import clock, line
from shared.messages import Segment


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(0, "0:00.0"), (3.44, "0:03.4"), (59.96, "1:00.0"), (3723.5, "1:02:03.5")],
)
def test_a_time_within_a_recording(seconds: float, shown: str):
    assert clock(seconds) == shown


def test_a_segment_shows_who_when_how_sure_and_what():
    segment = Segment(
        recording="0123456789abcdef" * 2,
        version=1,
        source="county [north]",
        channel="fire",
        time=datetime(2026, 1, 1, tzinfo=UTC),
        index=0,
        chunk=0,
        start=1.0,
        end=2.5,
        text="[red]alert[/red]",
        confidence=0.876,
    )
    shown = Text.from_markup(line(segment)).plain
    assert shown == "county [north]/fire 01234567  0:01.0-0:02.5  0.88  [red]alert[/red]"


def test_a_gap_is_said():
    assert "too old" in Text.from_markup(line(Gap("too old"))).plain
