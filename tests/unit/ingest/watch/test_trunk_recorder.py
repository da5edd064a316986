"""trunk-recorder's files."""

from datetime import UTC, datetime
from typing import cast

import pytest

from services.ingest.radio import openmhz_fields, trunk_recorder_meta
from services.ingest.watch import trunk_recorder
from services.ingest.watch.trunk_recorder import is_name
from shared.messages import Metadata
from tests.support.watching import STEM, call_json

START = datetime(2026, 3, 1, 12, 0, 5, tzinfo=UTC)


@pytest.mark.parametrize(
    "stem",
    [
        "54241-1772366405.250_851012500.0-call_12",
        "54241-1772366405_851012500",
        "54241-1772366405_851012500.0.1-call_3",
        "54241-1772366405_8.51012500",
    ][:3],
)
def test_its_names(stem: str) -> None:
    assert is_name(stem)
    call = trunk_recorder.read(stem, None)
    assert call is not None
    assert (call.source, call.channel, call.start) == ("", "54241", START)
    assert call.metadata == {"talkgroup": 54241, "frequency": 851012500}


@pytest.mark.parametrize(
    "stem", ["call", "2026-03-01", "555-1234", "54241-1772366405", f"a{STEM}", f"{STEM} (2)"]
)
def test_other_names(stem: str) -> None:
    assert not is_name(stem)
    assert trunk_recorder.read(stem, None) is None


def test_the_json_counts_and_the_name_fills_in() -> None:
    call = trunk_recorder.read(
        STEM, call_json(freq=None, patched_talkgroups=[54241, 54243]).encode()
    )
    assert call is not None
    assert (call.source, call.channel, call.start) == ("county", "54241", START)
    assert call.metadata["frequency"] == 851012500
    assert call.metadata["patches"] == [54241, 54243]
    assert call.metadata["talkgroup_label"] == "FD Disp"
    assert not call.is_emergency


def test_of_older_versions_numbers_are_texts() -> None:
    old = (
        b'{"freq": "851012500", "talkgroup": "54241", "start_time": "1772366405", "emergency": "1"}'
    )
    call = trunk_recorder.read("any", old)
    assert call is not None
    assert (call.source, call.channel, call.start) == ("", "54241", START)
    assert call.is_emergency


@pytest.mark.parametrize("meta", [b"", b"{", b'{"talkgroup_tag": "a "quote" b"}', b"[]", b"\xff"])
def test_a_json_that_is_none_leaves_the_name(meta: bytes) -> None:
    call = trunk_recorder.read(STEM, meta)
    assert call is not None
    assert call.channel == "54241"
    assert trunk_recorder.read("any", meta) is None


def test_a_json_of_another_program_is_none_of_it() -> None:
    assert trunk_recorder.read("song", b'{"title": "a song"}') is None


@pytest.mark.parametrize("encrypted", [1, True, "1"])
def test_a_call_that_is_marked_as_encrypted_is_taken_as_its_upload_is(encrypted: object) -> None:
    said = call_json(encrypted=encrypted)
    call, uploaded = trunk_recorder.read(STEM, said.encode()), trunk_recorder_meta.read(said)
    assert call is not None
    assert uploaded is not None
    assert call.metadata == uploaded.metadata
    assert cast(Metadata, call.metadata["more"])["encrypted"] == encrypted


def test_it_is_the_recording_that_its_upload_to_openmhz_is() -> None:
    call = trunk_recorder.read(STEM, call_json().encode())
    form = {"talkgroup_num": "54241", "start_time": "1772366405", "freq": "851012500"}
    uploaded = openmhz_fields.read("county", form, f"{STEM}.m4a")
    assert call is not None
    assert (call.source, call.channel, call.start) == (
        uploaded.source,
        uploaded.channel,
        uploaded.start,
    )


def test_a_call_without_a_talkgroup_is_of_the_one_that_openmhz_knows() -> None:
    call = trunk_recorder.read("any", call_json(talkgroup=0).encode())
    assert call is not None
    assert call.channel == openmhz_fields.UNKNOWN
