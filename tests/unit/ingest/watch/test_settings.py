"""What may be set, and which folder may be watched."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from services.ingest.watch.watcher import check_path
from shared import settings
from shared.errors import SettingError
from shared.messages import Recording
from shared.settings_watch import WatchSettings
from tests.support.recorders import recorded


def load(**env: str) -> WatchSettings:
    return settings.load(WatchSettings, env)


def test_nothing_is_watched_unless_it_is_set() -> None:
    assert load().folder() is None
    assert load().zone() is None
    assert settings.warnings({"CALL_WATCH_PATH": "/srv/calls"}) == []


def test_the_old_systems_name_is_the_name() -> None:
    found = load(CALL_WATCH_PATH="~/calls", CALL_WATCH_TIMEZONE="America/Chicago")
    assert found.folder() == Path.home() / "calls"
    zone = found.zone()
    assert zone is not None
    assert zone.utcoffset(datetime(2026, 3, 1, tzinfo=UTC)) == timedelta(hours=-6)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("CALL_WATCH_TIMEZONE", "Mars/Olympus"),
        ("CALL_WATCH_TIMEZONE", "../../etc/passwd"),
        ("CALL_WATCH_TIMEZONE", "/etc/localtime"),
        ("ECHOBASE_WATCH_AFTER", "burn"),
        ("ECHOBASE_WATCH_SETTLE", "0"),
        ("ECHOBASE_WATCH_RESCAN", "-1"),
    ],
)
def test_a_bad_value_is_named(name: str, value: str) -> None:
    with pytest.raises(SettingError, match=f"^{name}="):
        load(**{name: value})


def test_what_is_no_folder_or_our_own_is_not_watched(tmp_path: Path) -> None:
    data = tmp_path / "data"
    (data / "spool").mkdir(parents=True)
    file = tmp_path / "calls.wav"
    file.touch()
    (tmp_path / "link").symlink_to(data / "spool")
    with pytest.raises(SettingError, match=r"CALL_WATCH_PATH=.* is no folder"):
        check_path(file, data)
    for path in (tmp_path, data, data / "spool/entries", tmp_path / "link"):
        with pytest.raises(SettingError, match=r"CALL_WATCH_PATH=.*ECHOBASE_DATA"):
            check_path(path, data)
    for path in (tmp_path / "calls", tmp_path / "not/there", data / "watch"):
        check_path(path, data)


def test_the_acceptance_test_finds_what_is_wrong_with_a_recording(tmp_path: Path) -> None:
    for call in recorded(tmp_path, 4):
        wrong = Recording(
            id="0" * 32,
            source="other",
            channel=call.channel,
            sha256="0" * 64,
            size=1,
            audio="",
            container="wav",
            codec="",
            duration=1.0,
            received=call.start,
            start=call.start,
            metadata={**call.metadata, "unit": 1},
        )
        faults = {fault.rpartition(": ")[2] for fault in call.faults(wrong)}
        assert faults == {"id", "source", "unit"}
