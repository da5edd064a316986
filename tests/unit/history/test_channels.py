"""The channels that a history knows, and what people call them."""

from datetime import timedelta

import msgspec
import pytest

from services.stream.channels import known, names, view
from shared.channels import ChannelRecord
from tests.support.channels import FIRE
from tests.support.history import NOON, filled, recording, stored, version


def said(source: str, channel: str) -> ChannelRecord | None:
    return FIRE if (source, channel) == (FIRE.source, FIRE.channel) else None


def test_channels_are_counted_and_named_as_the_newest_recording_says():
    old, new = (
        msgspec.structs.replace(recording(number, channel="1201"), metadata=metadata)
        for number, metadata in (
            (1, {"talkgroup_label": "Fire"}),
            (2, {"talkgroup_label": "Fire Dispatch", "system_label": "Orange County"}),
        )
    )
    other = recording(3, "city", "1")
    db = filled(stored(new, version(1, "words")), stored(other), stored(old))
    city, county = (view(each) for each in known(db))
    assert (city.source, city.channel, city.label, city.source_label) == ("city", "1", None, None)
    assert (county.source, county.channel, county.recordings) == ("county", "1201", 2)
    assert (county.label, county.source_label) == ("Fire Dispatch", "Orange County")
    assert county.latest == NOON + timedelta(seconds=2)


def test_what_is_said_of_a_channel_names_it_where_its_newest_recording_does_not():
    named = msgspec.structs.replace(
        recording(1, FIRE.source, FIRE.channel), metadata={"talkgroup_label": "Own"}
    )
    for newest, label in ((recording(2, FIRE.source, FIRE.channel), "FD West"), (named, "Own")):
        db = filled(stored(newest), stored(recording(3, "city", "1")))
        city, fire = (view(each, said) for each in known(db))
        assert (fire.label, city.label) == (label, None)


@pytest.mark.parametrize("label", [7, "", "  ", None, ["Fire"]])
def test_what_is_no_name_names_nothing(label: object):
    assert names({"talkgroup_label": label}) == (None, None)
