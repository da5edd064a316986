"""SDRTrunk's files: names as its users post them, tags as its source writes them."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.ingest.radio.call import Call
from services.ingest.watch import sdrtrunk
from shared import media
from tests.support import audio_files
from tests.support.watching import COMMENT, ID3, LIST, with_id3, with_list

CENTRAL = ZoneInfo("America/Chicago")
TAGS = {
    "title": LIST["INAM"],
    "artist": LIST["IART"],
    "album": LIST["IPRD"],
    "comment": COMMENT,
    "grouping": LIST["ISBJ"],
}


def read(stem: str, tags: dict[str, str] | None = None, duration: float = 2.5) -> Call:
    call = sdrtrunk.read(stem, tags or {}, duration, UTC)
    assert call is not None
    return call


@pytest.mark.parametrize(
    ("stem", "source", "channel", "unit"),
    [
        (
            "20230522_100036MN_ARMER_McLeod_TRAFFIC__TO_33203_FROM_557978",
            "MN_ARMER_McLeod_TRAFFIC",
            "33203",
            557978,
        ),
        ("20230522_100036CO_DTRS_T-Thorodin_CC__TO_9100", "CO_DTRS_T-Thorodin_CC", "9100", None),
        ("20230522_100036_County_North_LCN_1__TO_9100_V2", "County_North_LCN_1", "9100", None),
        ("20230522_100036_County__TO_9100_FROM_17_V3", "County", "9100", 17),
        ("20230522_100036_County__TO_9100_FROM_17_TONES_A1_B2", "County", "9100", 17),
        ("20230522_100036_County__TO_9100_FROM_17_TONES_A1_V2", "County", "9100", 17),
        ("20230522_100036County__TO_9100_FROM_17_V2_WITH_TONES", "County", "9100", 17),
        ("20230522_100036County__TO_9100_FROM_17_WITH_TONES", "County", "9100", 17),
        ("20230522_100036_County__TO_0-01-123", "County", "0-01-123", None),
        ("20230522_100036_County__FROM_17", "County", "", 17),
        ("20230522_100036__TO_9100", "", "9100", None),
    ],
)
def test_a_name_says_when_to_whom_and_from_whom(
    stem: str, source: str, channel: str, unit: int | None
) -> None:
    call = read(stem)
    assert (call.source, call.channel, call.metadata.get("unit")) == (source, channel, unit)
    # It is the time at the call's end.
    assert call.start == datetime(2023, 5, 22, 10, 0, 33, 500_000, UTC)


@pytest.mark.parametrize(
    "stem",
    ["call", "20230522_100036", "20230522_100036_memo", "20230522_TO_5", "x20230522_100036_TO_5"],
)
def test_other_names_are_not_its(stem: str) -> None:
    assert sdrtrunk.read(stem, {"comment": "Date: yesterday"}, 1.0, UTC) is None


def test_tags_say_more_than_the_name() -> None:
    call = read("20230522_100036MN_ARMER_McLeod_TRAFFIC__TO_33203_FROM_557978", TAGS)
    assert (call.source, call.channel) == ("MN ARMER", "33203")
    assert call.start == datetime(2026, 3, 1, 12, 0, 2, 750_000, UTC)
    assert call.metadata == {
        "system_label": "MN ARMER",
        "site": "McLeod",
        "talkgroup": 33203,
        "talkgroup_label": "FD Disp",
        "unit": 557978,
        "unit_label": "Engine 7",
        "frequency": 851012500,
        "more": {"Name": "TRAFFIC", "Decoder": "P25 Phase 1", "Channel": "1-234"},
    }


def test_tags_are_enough() -> None:
    call = read("renamed", TAGS)
    assert (call.source, call.channel, call.metadata["unit"]) == ("MN ARMER", "33203", 557978)


def test_an_analog_channel_is_named_by_its_own_name() -> None:
    call = read("20230522_100036County_Fire__FROM_1", {"album": "Fire", "comment": COMMENT})
    assert call.channel == "Fire"


@pytest.mark.parametrize(
    ("title", "talkgroup", "label", "patches"),
    [
        ("33203", 33203, None, None),
        ('33203"FD Disp"', 33203, "FD Disp", None),
        ('33203"FD ""Disp"""', 33203, 'FD ""Disp""', None),
        ('33203 "FD, Disp"', 33203, "FD, Disp", None),
        ("P:33203[33204, 33205]", 33203, None, [33204, 33205]),
        ('P33203 [33204,33205]"Patch"', 33203, "Patch", [33204, 33205]),
        ('"only a name"', None, "only a name", None),
        ('33203"not closed', None, None, None),
        ("", None, None, None),
    ],
)
def test_titles(
    title: str, talkgroup: int | None, label: str | None, patches: list[int] | None
) -> None:
    said = read("any", {"title": title, "comment": COMMENT}).metadata
    assert said.get("talkgroup") == talkgroup
    assert said.get("talkgroup_label") == label
    assert said.get("patches") == patches


@pytest.mark.parametrize(
    ("artist", "unit", "label"),
    [
        ("557978", 557978, None),
        ("557978 Engine 7", 557978, "Engine 7"),
        ("1110070 (781824.36969.1110070) Engine 7", 1110070, "Engine 7"),
        ("ROAM 557978 Engine 7", 557978, "Engine 7"),
        ("ISSI 781824.36969.1110070 Engine 7", None, "Engine 7"),
        ("", None, None),
    ],
)
def test_artists(artist: str, unit: int | None, label: str | None) -> None:
    said = read("any", {"artist": artist, "comment": COMMENT}).metadata
    assert said.get("unit") == unit
    assert said.get("unit_label") == label


def test_the_clock_is_where_the_recorder_is() -> None:
    stem = "20260301_060005_County__TO_1"
    summer = sdrtrunk.read("20260701_070005_County__TO_1", {}, 0.0, CENTRAL)
    winter = sdrtrunk.read(stem, {}, 0.0, CENTRAL)
    assert winter is not None
    assert winter.start == datetime(2026, 3, 1, 12, 0, 5, tzinfo=UTC)
    assert summer is not None
    assert summer.start == datetime(2026, 7, 1, 12, 0, 5, tzinfo=UTC)
    here = sdrtrunk.read(stem, {}, 0.0, None)
    assert here is not None
    assert here.start == datetime(2026, 3, 1, 6, 0, 5).astimezone()


@pytest.mark.parametrize("stem", ["20261301_060005_A__TO_1", "20260301_250005_A__TO_1"])
def test_a_time_that_is_none_is_left_out(stem: str) -> None:
    assert read(stem).start is None


@pytest.mark.parametrize("kind", ["wav", "mp3"])
def test_its_files_are_read_as_it_writes_them(kind: str, tmp_path: Path) -> None:
    path = tmp_path / f"call.{kind}"
    if kind == "wav":
        path.write_bytes(with_list(audio_files.wav(2.0), LIST, ID3))
    else:
        audio_files.write(path, "mp3")
        path.write_bytes(with_id3(path.read_bytes()))
    call = read("any", media.tags(path))
    assert call.metadata == read("any", TAGS).metadata


NAMES = st.text(st.characters(codec="utf-8", exclude_characters=";:\0"), min_size=1).filter(
    lambda text: text == text.strip()
)


@settings(deadline=None)
@given(NAMES, NAMES, st.datetimes(datetime(1990, 1, 1), datetime(2090, 1, 1)), st.floats(0, 3600))
def test_what_is_written_is_read(system: str, site: str, date: datetime, duration: float) -> None:
    written = date.strftime("%Y-%m-%d %H:%M:%S.") + f"{date.microsecond // 1000:03}"
    comment = f"Date:{written};System:{system};Site:{site};Frequency:851012500;"
    call = read("any", {"comment": comment}, duration)
    assert call.source == system
    assert call.metadata["site"] == site
    assert call.metadata["frequency"] == 851012500
    at = date.replace(microsecond=date.microsecond // 1000 * 1000, tzinfo=UTC)
    assert call.start is not None
    assert abs(call.start - (at - timedelta(seconds=duration))) <= timedelta(milliseconds=1)


def test_names_may_hold_what_parts_them() -> None:
    call = read("any", {"comment": "Date:x;System:A;B: C;D;Site:1:2;"})
    assert (call.source, call.metadata["site"]) == ("A;B: C;D", "1:2")


@settings(deadline=None)
@given(
    st.text(),
    st.dictionaries(
        st.sampled_from(["title", "artist", "album", "comment", "grouping"]), st.text()
    ),
)
def test_nothing_that_is_said_breaks_it(stem: str, tags: dict[str, str]) -> None:
    sdrtrunk.read(stem, tags, 1.0, UTC)
    sdrtrunk.read(f"20260301_060005_{stem}_TO_{stem}", {**tags, "comment": COMMENT}, 1.0, UTC)
