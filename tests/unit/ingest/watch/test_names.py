"""Which files count."""

import pytest

from services.ingest.watch.names import AUDIO, is_audio, preference, shown, split


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("call.wav", ("call", ".wav")),
        ("CALL.WAV", ("CALL", ".WAV")),
        (
            "54241-1772366405.250_851012500.0-call_12.m4a",
            ("54241-1772366405.250_851012500.0-call_12", ".m4a"),
        ),
        ("54241-1772366405_851012500.json", ("54241-1772366405_851012500", ".json")),
        ("Übung 1.mp3", ("Übung 1", ".mp3")),
        ("a.raw.mp3", ("a.raw", ".mp3")),
    ],
)
def test_audio_and_json_count(name: str, parts: tuple[str, str]) -> None:
    assert split(name) == parts


@pytest.mark.parametrize(
    "name",
    [
        "call.raw.wav",
        "call.RAW.WAV",
        ".call.wav",
        ".call.wav.Xy12z",
        "call.wav.part",
        "call.wav.tmp",
        "call.wav~",
        "call",
        ".wav",
        "talkgroups.csv",
        "trunk.log",
        "20260301_120005_8510125_baseband.wav",
        "call.m3u8",
    ],
)
def test_what_is_no_recording_or_not_yet_one_does_not(name: str) -> None:
    assert split(name) is None


def test_an_m4a_is_preferred_and_a_wav_is_the_last_resort() -> None:
    assert min(AUDIO, key=preference) == ".m4a"
    assert max(AUDIO, key=preference) == ".wav"
    assert is_audio(".M4A")
    assert not is_audio(".json")


def test_a_name_that_is_no_text_can_be_shown() -> None:
    assert shown("Gr\udcfcn.wav") == "Gr\N{REPLACEMENT CHARACTER}n.wav"
