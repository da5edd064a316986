"""What may be said of a channel, and what is refused by field and limit."""

import pytest

from services.ingest.channels.order import FIELDS, Said, changed, read_place, read_settings
from shared.channels import ChannelRecord, ChannelSettings
from shared.errors import BadInput
from tests.support.channels import FIRE


def test_every_field_is_read() -> None:
    assert {*FIELDS, "hotwords"} == set(ChannelSettings.__struct_fields__)
    said = {name: field.example for name, field in FIELDS.items()}
    found = read_settings({**said, "hotwords": [" Engine 4", "Engine 4", "", "Birch Street"]})
    assert found.hotwords == ["Engine 4", "Birch Street"]
    assert {name: str(getattr(found, name)) for name in said} == said


def test_what_is_empty_is_absent_and_ages_and_languages_have_one_form() -> None:
    said = {"label": " ", "language": "DE", "keep_audio": " 30D "}
    assert read_settings(said) == ChannelSettings(language="de", keep_audio="30d")


def test_thresholds_are_numbers_or_texts() -> None:
    said = {"speech_threshold": 0.4, "least_confidence": "0"}
    assert read_settings(said) == ChannelSettings(speech_threshold=0.4, least_confidence=0.0)


@pytest.mark.parametrize(
    ("said", "field"),
    [
        ({"label": "x" * 129}, "label"),
        ({"label": "two\nlines"}, "label"),
        ({"description": "x" * 301}, "description"),
        ({"language": "german"}, "language"),
        ({"prompt": "x" * 1001}, "prompt"),
        ({"prompt": "\0"}, "prompt"),
        ({"lane": "soon"}, "lane"),
        ({"speech_threshold": "0.01"}, "speech_threshold"),
        ({"speech_threshold": "nan"}, "speech_threshold"),
        ({"least_confidence": 1.5}, "least_confidence"),
        ({"least_confidence": "much"}, "least_confidence"),
        ({"keep_audio": "30"}, "keep_audio"),
        ({"keep_audio": "0d"}, "keep_audio"),
        ({"keep_transcripts": "never"}, "keep_transcripts"),
        ({"hotwords": ["x" * 129]}, "hotwords"),
        ({"hotwords": ["a\nb"]}, "hotwords"),
        ({"hotwords": [f"word {i}" for i in range(200)]}, "hotwords"),
    ],
)
def test_a_bad_value_is_refused_by_name(said: Said, field: str) -> None:
    with pytest.raises(BadInput) as refused:
        read_settings(said)
    assert refused.value.field == field
    assert refused.value.limit
    assert refused.value.limit in str(refused.value)


def test_only_what_is_said_changes_and_what_is_empty_goes() -> None:
    found = changed(FIRE, {"prompt": "", "label": "New", "hotwords": []})
    assert (found.prompt, found.label, found.hotwords) == (None, "New", [])
    assert (found.tag, found.lane, found.keep_audio) == (FIRE.tag, FIRE.lane, FIRE.keep_audio)
    assert changed(FIRE, {}) == FIRE


def test_a_place_is_read_as_an_uploads() -> None:
    assert read_place(" county ", "fire / west") == ("county", "fire / west")
    for place, field in ((("", "a"), "source"), (("a", " "), "channel"), (("a", "\0"), "channel")):
        with pytest.raises(BadInput) as refused:
            read_place(*place)
        assert refused.value.field == field
    assert ChannelRecord(source="a", channel="b").expected is None
