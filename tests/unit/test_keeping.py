"""What is kept for how long is decided purely: given ages, sizes and holds, what has to go."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared import settings
from shared.errors import SettingError
from shared.keeping import Forget, Kept, Limits, Rule, Rules, decide, read_age, seconds
from shared.settings_keeping import KeepingSettings
from shared.topology import topology

NOW = datetime(2026, 6, 1, tzinfo=UTC)
DAY = 86_400.0


def kept(
    id: str,
    days: float,
    audio: int = 100,
    rest: int = 10,
    held: bool = False,
    channel: str = "fire",
) -> Kept:
    return Kept(id, "county", channel, NOW - timedelta(days=days), audio, rest, held)


def test_audio_goes_before_the_transcript() -> None:
    rules = Rules(Limits(audio=30 * DAY, transcripts=365 * DAY))
    found = decide([kept("new", 29), kept("old", 31), kept("oldest", 366)], rules, NOW)
    assert found == [Forget("oldest", "all", "age"), Forget("old", "audio", "age")]


def test_audio_that_is_forgotten_is_not_forgotten_again() -> None:
    assert decide([kept("a", 31, audio=0)], Rules(Limits(audio=30 * DAY)), NOW) == []


def test_no_limit_keeps_everything() -> None:
    assert decide([kept("a", 99_999)], Rules(), NOW) == []


def test_what_is_held_stays_whatever_its_age_and_counts_as_bytes() -> None:
    rules = Rules(Limits(audio=DAY, transcripts=DAY, audio_bytes=150))
    assert decide([kept("a", 9, held=True)], rules, NOW) == []
    found = decide([kept("a", 0.5, held=True), kept("b", 0.2), kept("c", 0.1)], rules, NOW)
    assert found == [Forget("b", "audio", "size"), Forget("c", "audio", "size")]


def test_over_the_bytes_the_oldest_goes_first() -> None:
    recordings = [kept("c", 1), kept("a", 3), kept("b", 2)]
    assert decide(recordings, Rules(Limits(audio_bytes=250)), NOW) == [Forget("a", "audio", "size")]
    assert decide(recordings, Rules(Limits(transcripts_bytes=15)), NOW) == [
        Forget("a", "all", "size"),
        Forget("b", "all", "size"),
    ]


def test_what_goes_by_age_makes_room() -> None:
    rules = Rules(Limits(audio=2.5 * DAY, audio_bytes=200))
    assert decide([kept("a", 3), kept("b", 2), kept("c", 1)], rules, NOW) == [
        Forget("a", "audio", "age")
    ]


def test_a_channel_has_limits_of_its_own() -> None:
    rules = Rules(
        Limits(audio=30 * DAY, transcripts=300 * DAY),
        {
            "county/fire": Rule(audio="7d"),
            "county/*": Rule(transcripts="forever"),
            "*/ems": Rule(audio="1d", transcripts="2d", audio_bytes=5),
        },
    )
    assert rules.limits("county", "fire") == Limits(audio=7 * DAY, transcripts=300 * DAY)
    assert rules.limits("county", "law") == Limits(audio=30 * DAY, transcripts=0)
    assert rules.limits("city", "ems") == Limits(DAY, 2 * DAY, 5)
    assert rules.limits("city", "law") == rules.everywhere


def test_a_channels_bytes_are_counted_for_itself() -> None:
    rules = Rules(Limits(audio_bytes=100), {"county/ems": Rule(audio_bytes=200)})
    recordings = [
        kept("e1", 9, channel="ems"),
        kept("e2", 8, channel="ems"),
        kept("f1", 7),
        kept("f2", 6),
    ]
    assert decide(recordings, rules, NOW) == [Forget("f1", "audio", "size")]


@given(
    st.lists(
        st.builds(
            kept,
            st.uuids().map(str),
            st.floats(0, 99),
            st.integers(0, 99),
            st.integers(1, 9),
            st.booleans(),
        ),
        max_size=20,
    ),
    st.builds(
        Limits,
        st.floats(0, 99).map(lambda d: d * DAY),
        st.floats(0, 99).map(lambda d: d * DAY),
        st.integers(0, 500),
        st.integers(0, 50),
    ),
)
def test_what_is_decided_is_enough_and_never_of_what_is_held(
    recordings: list[Kept], limits: Limits
) -> None:
    found = {each.id: each.what for each in decide(recordings, Rules(limits), NOW)}
    stays = [each for each in recordings if found.get(each.id) != "all"]
    audio = [each for each in stays if each.id not in found and each.audio]
    assert not any(each.held and each.id in found for each in recordings)
    for members, size, most in (
        (audio, sum(each.audio for each in audio), limits.audio_bytes),
        (stays, sum(each.rest for each in stays), limits.transcripts_bytes),
    ):
        assert not most or size <= most or all(each.held for each in members)


@pytest.mark.parametrize(
    ("text", "expected"), [("90d", 90 * DAY), ("2w", 14 * DAY), ("12h", DAY / 2), ("Forever", 0.0)]
)
def test_an_age_is_a_number_with_a_unit(text: str, expected: float) -> None:
    assert seconds(read_age(text)) == expected


@pytest.mark.parametrize("text", ["90", "0d", "-1d", "1y", "d", "1.5d"])
def test_what_is_no_age_is_named(text: str) -> None:
    with pytest.raises(SettingError, match=r"ECHOBASE_KEEP_AUDIO=.*such as `90d`"):
        settings.load(KeepingSettings, {"ECHOBASE_KEEP_AUDIO": text})


@pytest.mark.parametrize(
    "text",
    [
        '{"county": {}}',
        "nothing",
        '{"a/b": {"audoi": "1d"}}',
        '{"a/b": {"audio": "1"}}',
        '{"a/b": {"audio_bytes": -1}}',
    ],
)
def test_channels_that_are_none_end_the_start(text: str) -> None:
    with pytest.raises(SettingError, match="ECHOBASE_KEEP_CHANNELS="):
        settings.load(KeepingSettings, {"ECHOBASE_KEEP_CHANNELS": text})


def test_the_settings_give_rules_and_the_streams_their_limits() -> None:
    found = settings.load(
        KeepingSettings,
        {
            "ECHOBASE_KEEP_CHANNELS": '{"county/fire": {"audio": "1d"}}',
            "ECHOBASE_KEEP_EVENTS": "2d",
            "ECHOBASE_KEEP_EVENTS_BYTES": "0",
            "ECHOBASE_KEEP_DEAD": "forever",
            "ECHOBASE_KEEP_DEAD_BYTES": "4096",
        },
    )
    assert found.rules().limits("county", "fire").audio == DAY
    assert found.rules().limits("county", "law").audio == 90 * DAY
    streams = {stream.name: stream for stream in topology(logs=found.logs()).streams}
    assert (streams["EVENTS"].max_age, streams["EVENTS"].max_bytes) == (2 * DAY, -1)
    assert (streams["DEAD"].max_age, streams["DEAD"].max_bytes) == (0, 4096)


def test_without_settings_the_streams_are_as_they_are_documented() -> None:
    assert topology(logs=KeepingSettings().logs()) == topology()
