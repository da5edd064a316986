"""Settings whose values have one form, however they were written."""

import pytest

from shared import settings
from shared.containers import FORMATS
from shared.errors import SettingError
from shared.settings import (
    IngestSettings,
    LimitSettings,
    SiteSettings,
    StreamSettings,
    public_url,
)


@pytest.mark.parametrize("written", ["/radio", "radio", "/radio/", "radio/"])
def test_a_base_path_has_one_form(written: str):
    assert settings.load(SiteSettings, {"ECHOBASE_BASE_PATH": written}).base_path == "/radio"


@pytest.mark.parametrize("key", [f"se{c}cret" for c in "\x00\n\t\x7f\u202e"])
def test_a_key_that_no_header_can_carry_is_refused_and_not_shown(key: str):
    for name in ("ECHOBASE_API_KEY", "FLASK_API_KEY"):
        with pytest.raises(SettingError, match=f"^{name} is not allowed: .*print") as caught:
            settings.load(SiteSettings, {name: key})
        assert "cret" not in str(caught.value)


def test_a_key_may_hold_spaces_and_letters_of_any_language():
    assert settings.load(SiteSettings, {"ECHOBASE_API_KEY": "grün e 7!"}).api_key == "grün e 7!"


def test_the_root_is_no_base_path():
    assert settings.load(SiteSettings, {"FLASK_BASE_PATH": "/"}).base_path == ""


@pytest.mark.parametrize("written", ["/a b", "/a?b", "/../x", "/a//b", "/{id}", "/a#b"])
def test_a_base_path_that_is_none_is_named(written: str):
    with pytest.raises(SettingError, match=r"ECHOBASE_BASE_PATH=.*allowed are letters"):
        settings.load(SiteSettings, {"ECHOBASE_BASE_PATH": written})


@pytest.mark.parametrize(
    "written", ["localhost:3000", "ftp://radio.example", "http://", "http://a:b", "http://a/?b=c"]
)
def test_a_public_address_that_is_none_is_named(written: str):
    with pytest.raises(SettingError, match=r"ECHOBASE_PUBLIC_URL=.*allowed is an address"):
        settings.load(StreamSettings, {"ECHOBASE_PUBLIC_URL": written})
    with pytest.raises(SettingError, match=r"ECHOBASE_INGEST_PUBLIC_URL="):
        settings.load(IngestSettings, {"ECHOBASE_INGEST_PUBLIC_URL": written})


@pytest.mark.parametrize(
    ("configured", "bind", "base_path", "told"),
    [
        ("", "127.0.0.1", "", "http://localhost:3000"),
        ("", "127.0.0.1", "/radio", "http://localhost:3000/radio"),
        ("", "::1", "/radio", "http://localhost:3000/radio"),
        ("", "fd00::7", "/radio", "http://[fd00::7]:3000/radio"),
        ("https://calls.example", "::1", "/radio", "https://calls.example/radio"),
        ("https://calls.example/radio", "127.0.0.1", "/radio", "https://calls.example/radio"),
    ],
)
def test_callers_are_told_an_address_that_works(
    configured: str, bind: str, base_path: str, told: str
):
    assert public_url(configured, bind, 3000, base_path) == told


@pytest.mark.parametrize(
    ("written", "accepted"),
    [("", FORMATS), ("MP3, wav", ("wav", "mp3")), ("flac,flac,", ("flac",))],
)
def test_formats_have_one_form(written: str, accepted: tuple[str, ...]):
    found = settings.load(LimitSettings, {"ECHOBASE_FORMATS": written})
    assert found.accepted() == accepted


def test_a_format_that_is_none_is_named():
    with pytest.raises(SettingError, match=r"ECHOBASE_FORMATS=.*midi is none of wav, mp3"):
        settings.load(LimitSettings, {"ECHOBASE_FORMATS": "wav,midi"})


@pytest.mark.parametrize("written", ["0", "-1", "3601", "long"])
def test_a_longest_wait_that_is_none_is_named(written: str):
    with pytest.raises(SettingError, match="ECHOBASE_LONGEST_WAIT"):
        settings.load(LimitSettings, {"ECHOBASE_LONGEST_WAIT": written})
