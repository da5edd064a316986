"""What the doors for calls make of their senders' fields."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import cast

import msgspec
import pytest

from services.ingest.radio import openmhz_fields, rdio_fields, trunk_recorder_meta, values
from services.ingest.radio.call import Call, fitted, with_unit
from services.ingest.submission import METADATA
from shared.messages import Metadata
from tests.support import radio

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
SPEAKERS = [{"pos": 0.0, "src": 1701}, {"pos": 1.5, "src": 1702}]


def rdio(**fields: str) -> Call:
    return rdio_fields.read({**radio.SDRTRUNK, **fields})


def test_what_sdrtrunk_says_is_kept() -> None:
    call = rdio_fields.read(radio.SDRTRUNK, "20260301_120000.mp3")
    assert (call.source, call.channel, call.start) == ("11", "54241", NOON)
    assert call.description().filename == "20260301_120000.mp3"
    assert call.description().metadata == {
        "system": 11,
        "system_label": "County",
        "talkgroup": 54241,
        "talkgroup_label": "FD Disp",
        "talkgroup_group": "Fire",
        "unit": 1701,
        "frequency": 851012500,
        "patches": [54241, 54243],
    }


def test_what_trunk_recorder_says_is_kept() -> None:
    call = rdio_fields.read(radio.TRUNK_RECORDER, "a.wav")
    assert (call.source, call.channel, call.start) == ("11", "54241", NOON)
    found = call.description()
    assert found.filename == radio.TRUNK_RECORDER["audioName"]
    assert found.lane is None
    assert found.metadata == {
        "system": 11,
        "system_label": "county",
        "talkgroup": 54241,
        "talkgroup_label": "FD Disp",
        "talkgroup_group": "Fire",
        "talkgroup_tag": "Fire Dispatch",
        "unit": 1701,
        "frequency": 851012500,
        "frequencies": [
            {
                "freq": 851012500,
                "time": 1772366400,
                "pos": 0.0,
                "len": 3.2,
                "errorCount": 2,
                "spikeCount": 1,
            }
        ],
        "sources": SPEAKERS,
        "audio_type": "audio/wav",
    }


def test_what_trunk_recorders_json_says_is_kept() -> None:
    call = trunk_recorder_meta.read(radio.META)
    assert call is not None
    assert (call.source, call.channel) == ("county", "54241")
    # To the millisecond, as far as it is known.
    assert call.start == NOON + timedelta(milliseconds=250)
    found = call.description().metadata
    more = cast(Mapping[str, object], found.pop("more"))
    assert (more["call_num"], more["signal"], more["stop_time"]) == (7, 30, 1772366404)
    assert "talkgroup" not in more
    speakers = cast(list[dict[str, object]], found.pop("sources"))
    assert radio.names(speakers, "tag") == ["Engine 7"]
    assert found.pop("frequencies")
    assert found == {
        "system_label": "county",
        "talkgroup": 54241,
        "talkgroup_label": "FD Disp",
        "talkgroup_name": "Fire Dispatch",
        "talkgroup_group": "Fire",
        "talkgroup_tag": "Fire Dispatch",
        "frequency": 851012500,
        "patches": [54241, 54243],
        "emergency": False,
        "audio_type": "digital",
        "length": 4.0,
        "unit": 1701,
        "unit_label": "Engine 7",
    }


@pytest.mark.parametrize("fields", [radio.SDRTRUNK_OPENMHZ, radio.TRUNK_RECORDER_OPENMHZ])
def test_what_openmhz_is_told_is_kept(fields: Mapping[str, str]) -> None:
    call = openmhz_fields.read("county", fields, "audio.mp3")
    assert (call.source, call.channel, call.start) == ("county", "54241", NOON)
    found = call.description().metadata
    common = ("system_label", "talkgroup", "frequency", "length", "unit", "emergency")
    assert [found[name] for name in common] == ["county", 54241, 851012500, 4.0, 1701, False]
    if "error_count" in fields:
        assert (found["errors"], found["spikes"]) == (2, 1)
    else:
        assert found["talker_alias"] == "ENGINE 7"
    assert "patches" not in found
    assert "abc" not in str(found)


@pytest.mark.parametrize(
    ("given", "name", "value"),
    [
        ({"systemId": "12"}, "system", 12),
        ({"talkgroupId": "9"}, "talkgroup", 9),
        ({"audioMime": "audio/mpeg"}, "audio_type", "audio/mpeg"),
        ({"audioType": "audio/mpeg"}, "audio_type", "audio/mpeg"),
        ({"patched_talkgroups": "[1,2]"}, "patches", [1, 2]),
        ({"unit": "5"}, "unit", 5),
        ({"source": "5"}, "unit", 5),
        ({"site": "3"}, "site", 3),
        ({"site": "North"}, "site", "North"),
        ({"talkgroupGroups": "Fire, EMS"}, "talkgroup_groups", ["Fire", "EMS"]),
        ({"talkgroupName": "Fire Dispatch"}, "talkgroup_name", "Fire Dispatch"),
        ({"talkgroupTag": "-"}, "talkgroup_tag", None),
        ({"talkerAlias": "ENGINE 7"}, "talker_alias", "ENGINE 7"),
        ({"units": '[{"id": 7, "label": "Medic", "offset": 1}]'}, "unit_label", "Medic"),
        ({"units": '[{"id": 7, "label": "Medic", "offset": 1}]'}, "unit", 7),
        ({"sources": "[{]"}, "sources", None),
        ({"sources": "{}"}, "sources", None),
        ({"frequencies": '[{"freq": 1, "dbm": -80, "x": {"deep": 1}}]'}, "frequencies", None),
        ({"patches": "no list"}, "patches", None),
        ({"emergency": "0"}, "emergency", False),
    ],
)
def test_a_field_by_each_of_its_names(given: dict[str, str], name: str, value: object) -> None:
    found = rdio_fields.read(given).description().metadata
    if name == "frequencies":
        value = [{"freq": 1, "dbm": -80}]
    assert found.get(name) == value


def test_an_unknown_field_and_one_that_cannot_be_read_are_kept() -> None:
    call = rdio(mood="calm", sources="[{]", frequency="VHF", test="1", talkgroupTag="-")
    more = cast(Mapping[str, object], call.metadata["more"])
    assert more == {"mood": "calm", "sources": "[{]", "frequency": "VHF"}


@pytest.mark.parametrize(
    ("fields", "start"),
    [
        ({"dateTime": "1772366400"}, NOON),
        ({"dateTime": "2026-03-01T13:00:00+01:00"}, NOON),
        ({"dateTime": "2026-03-01T12:00:00.000Z"}, NOON),
        ({"timestamp": "1772366400250"}, NOON + timedelta(milliseconds=250)),
        ({"dateTime": "0"}, None),
        ({"dateTime": "2026-03-01"}, None),
        ({"dateTime": "2026-03-01T12:00:00"}, None),
        ({"dateTime": "99999999999999999"}, None),
        ({"dateTime": "soon"}, None),
        ({}, None),
    ],
)
def test_when_a_call_began(fields: dict[str, str], start: datetime | None) -> None:
    assert rdio_fields.read(fields).start == start


@pytest.mark.parametrize("system", ["0", "-1", "1.5", "x", "9" * 30, "", "\u0661"])
def test_what_is_no_system(system: str) -> None:
    call = rdio(system=system)
    assert call.source == ""
    assert rdio_fields.missing(call, 1000) == "no system"


def test_the_last_check_that_fails_is_told() -> None:
    assert rdio_fields.missing(rdio_fields.read({}), 0) == "no talkgroup"
    assert rdio_fields.missing(rdio(), 44) == "no audio"
    assert rdio_fields.missing(rdio(), 45) is None


@pytest.mark.parametrize(
    ("call", "lane"),
    [
        (rdio(emergency="1"), "urgent"),
        (rdio(emergency="true"), "urgent"),
        (rdio(emergency="no"), None),
        (rdio(emergency="perhaps"), None),
        (rdio(sources='[{"src": 1, "emergency": 1}]'), "urgent"),
        (rdio(sources='[{"src": 1, "emergency": 0}]'), None),
        (openmhz_fields.read("county", {"emergency": "1"}, "a.mp3"), "urgent"),
        (trunk_recorder_meta.read('{"emergency": 1}'), "urgent"),
        (trunk_recorder_meta.read('{"emergency": true}'), "urgent"),
        (trunk_recorder_meta.read('{"srcList": [{"src": 5, "emergency": 1}]}'), "urgent"),
        (trunk_recorder_meta.read('{"emergency": "0"}'), None),
    ],
)
def test_an_emergency_is_urgent(call: Call | None, lane: str | None) -> None:
    assert call is not None
    assert call.description().lane == lane


def test_counts_that_older_versions_write_as_texts_are_understood() -> None:
    call = trunk_recorder_meta.read('{"talkgroup": "54241", "freq": "851012500.0"}')
    assert call is not None
    assert (call.channel, call.metadata["frequency"]) == ("54241", 851012500)


@pytest.mark.parametrize("text", ["", "{", "[]", "1", "[" * 100_000, '{"a": NaN}'])
def test_what_is_no_json_of_trunk_recorders(text: str) -> None:
    assert trunk_recorder_meta.read(text) is None


def test_what_the_form_says_counts_before_the_json() -> None:
    form = rdio_fields.read({"system": "11", "talkgroupLabel": "Form", "mood": "calm"})
    meta = trunk_recorder_meta.read('{"talkgroup": 5, "talkgroup_tag": "Json", "signal": 30}')
    assert meta is not None
    call = form.over(meta.without_source())
    assert (call.source, call.channel) == ("11", "5")
    assert call.metadata["talkgroup_label"] == "Form"
    assert call.metadata["more"] == {"mood": "calm", "signal": 30}


def test_a_call_without_a_talkgroup_is_openmhz_talkgroup_0() -> None:
    assert openmhz_fields.read("county", {"talkgroup_num": "0"}, "").channel == "0"
    assert openmhz_fields.read("county", {}, "").channel == "0"


def test_a_list_that_is_no_json_is_read_as_openmhz_reads_it() -> None:
    assert values.numbers("[1, 2") == [1, 2]
    assert values.numbers("[]") is None


@pytest.mark.parametrize(
    ("raw", "text"), [("Süd".encode(), "Süd"), ("Süd".encode("cp1252"), "Süd"), (b"\x81", "\ufffd")]
)
def test_bytes_are_read_in_whatever_way(raw: bytes, text: str) -> None:
    assert values.decode(raw) == text


def test_who_is_named_counts_before_who_spoke_first() -> None:
    speakers = [{"src": 1, "tag": "One"}, {"src": 2, "tag": "Two"}]
    assert with_unit({"unit": 2, "sources": speakers})["unit_label"] == "Two"
    assert with_unit({"unit": 3, "sources": speakers}).get("unit_label") is None
    assert with_unit({"sources": [{"src": 0}, {"src": "x"}, {"src": 2}]})["unit"] == 2
    assert with_unit({}) == {}


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("C:\\calls\\a.mp3", "a.mp3"),
        ("/calls/a.mp3", "a.mp3"),
        ("a\x00\n.mp3", "a.mp3"),
        ("x" * 300 + ".mp3", "x" * 251 + ".mp3"),
        ("", None),
    ],
)
def test_the_name_of_the_file(path: str, name: str | None) -> None:
    assert rdio_fields.read(radio.SDRTRUNK, path).description().filename == name


def encoded(metadata: Metadata) -> int:
    return len(msgspec.json.encode(metadata))


def test_metadata_that_fits_is_left_alone() -> None:
    metadata: Metadata = {"system": 1, "more": {"a": "b"}}
    assert fitted(metadata) == metadata


def test_of_too_much_metadata_the_unknown_goes_first() -> None:
    metadata: Metadata = {"system": 1, "more": {"long": "x" * METADATA, "short": "y"}}
    assert fitted(metadata) == {"system": 1, "more": {"short": "y"}, "left_out": ["long"]}


def test_of_a_list_that_is_too_long_the_beginning_is_kept() -> None:
    rows = [{"src": 1701, "pos": float(n)} for n in range(2_000)]
    found = fitted({"system": 1, "talkgroup": 2, "sources": rows})
    kept = cast(list[object], found["sources"])
    assert len(kept) > 100
    assert kept == rows[: len(kept)]
    assert found["left_out"] == ["sources"]
    assert encoded(found) <= METADATA


def test_no_metadata_is_too_large_or_too_deep_to_keep() -> None:
    deep: object = 1
    for _ in range(200):
        deep = [deep]
    more = {f"name {n} {'é' * 500}": "x" * n for n in range(250)}
    metadata: Metadata = {"system": 1, "talkgroup_label": "z" * 50_000}
    found = fitted({**metadata, "more": {**more, "deep": deep}})
    assert encoded(found) <= METADATA
    assert found["system"] == 1
    assert "deep" not in str(found)
