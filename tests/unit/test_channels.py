"""What is said of a channel: its place, its form, and what a recording gets of it."""

import msgspec
import pytest

from services.ingest.acceptance import lane_of, metadata_of
from shared.channels import ChannelRecord, decode_channel, key
from shared.errors import BadMessage
from shared.keeping import Limits, Rule, Rules
from shared.messages import Metadata
from tests.support.channels import FIRE

DAY = 86_400.0
NAMES = {
    "talkgroup_label": "FD West",
    "talkgroup_name": "Fire Dispatch West",
    "talkgroup_tag": "Fire Dispatch",
    "talkgroup_group": "Fire",
}


def test_a_place_is_a_subject_token_each_and_no_two_channels_share_one() -> None:
    assert key("county", "fire") == "county.fire"
    places = {
        key(*names)
        for names in [("a.b", "c"), ("a", "b.c"), ("a b", "c"), ("a", "b c"), ("a_b", "c")]
    }
    assert len(places) == 5


def test_what_is_kept_is_read_again_and_what_is_absent_takes_no_room() -> None:
    assert decode_channel(FIRE.key, msgspec.json.encode(FIRE)) == FIRE
    bare = ChannelRecord(source="county", channel="7")
    assert msgspec.json.encode(bare) == b'{"type":"channel","source":"county","channel":"7"}'


def test_a_field_of_a_newer_release_is_passed_over() -> None:
    data = b'{"type":"channel","source":"county","channel":"7","color":"red"}'
    assert decode_channel("county.7", data) == ChannelRecord(source="county", channel="7")


@pytest.mark.parametrize("data", [b"", b"{}", b"[]", b"\xff", b'{"source":"county","channel":"7"}'])
def test_what_is_no_channel_is_refused(data: bytes) -> None:
    with pytest.raises(BadMessage):
        decode_channel("county.7", data)
    with pytest.raises(BadMessage, match="does not belong there"):
        decode_channel("county.7", msgspec.json.encode(FIRE))


def test_a_lane_is_the_senders_then_the_channels_then_live() -> None:
    assert lane_of("backfill", FIRE) == "backfill"
    assert lane_of(None, FIRE) == "urgent"
    assert lane_of(None, ChannelRecord(source="a", channel="b")) == "live"
    assert lane_of(None, None) == "live"


def test_names_are_the_senders_and_the_channels_where_it_gave_none() -> None:
    assert metadata_of({}, FIRE) == NAMES
    assert metadata_of({"incident": 42}, None) == {"incident": 42}
    said: Metadata = {
        "talkgroup_label": "Own",
        "talkgroup_tag": "",
        "talkgroup_group": None,
        "unit": 7,
    }
    assert metadata_of(said, FIRE) == {**NAMES, "talkgroup_label": "Own", "unit": 7}


def test_what_is_said_of_a_channel_comes_before_the_settings() -> None:
    rules = Rules(
        Limits(audio=90 * DAY, transcripts=700 * DAY),
        {"county/fire / west": Rule(audio="1d", transcripts="7d"), "county/*": Rule(audio="2d")},
        {("county", "fire / west"): FIRE.rule, ("county", "ems"): Rule(audio="forever")},
    )
    assert rules.limits("county", "fire / west") == Limits(audio=30 * DAY, transcripts=7 * DAY)
    assert rules.limits("county", "ems") == Limits(audio=0, transcripts=700 * DAY)
    assert rules.limits("county", "police") == Limits(audio=2 * DAY, transcripts=700 * DAY)
