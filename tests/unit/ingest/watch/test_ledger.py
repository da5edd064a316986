"""What was taken is known."""

import os
import sqlite3
from pathlib import Path

import pytest

from services.ingest.watch.folder import WatchedFolder
from services.ingest.watch.ledger import Ledger, Row
from services.ingest.watch.names import Group, Stamp
from services.ingest.watch.survey import DAY, Whole, survey
from tests.support.watching import put

GROUP = Group("county/Übung", os.fsdecode(b"Gr\xfcn"))
ROWS = {
    ".wav": Row(Stamp(2**40, 1772366405_250000001), "call"),
    ".m4a": Row(Stamp(1, 0), "twin"),
}


def opened(folder: Path) -> Ledger:
    ledger = Ledger(folder)
    ledger.open()
    ledger.open()
    return ledger


def test_what_is_written_is_known_after_a_crash(tmp_path: Path) -> None:
    ledger = opened(tmp_path)
    ledger.write(GROUP, ROWS)
    ledger.write(GROUP, {".m4a": Row(Stamp(2, 0), "refused")})
    second = opened(tmp_path)
    assert second.of(GROUP) == {**ROWS, ".m4a": Row(Stamp(2, 0), "refused")}
    assert second.of_folder(GROUP.folder) == {GROUP.stem: second.of(GROUP)}
    assert second.folders() == [GROUP.folder]
    assert second.of(Group("", "other")) == {}
    for each in (ledger, second):
        each.close()


def test_a_damaged_one_is_put_aside_and_begun_anew(tmp_path: Path) -> None:
    (tmp_path / "ledger.sqlite").write_bytes(b"nonsense" * 1000)
    ledger = opened(tmp_path)
    assert ledger.folders() == []
    ledger.write(GROUP, ROWS)
    assert (tmp_path / "damaged-ledger.sqlite").exists()
    ledger.close()


def test_one_that_is_closed_says_so(tmp_path: Path) -> None:
    with pytest.raises(sqlite3.OperationalError):
        Ledger(tmp_path).of(GROUP)


def surveyed(root: Path, ledger: Ledger) -> Whole:
    whole, paths = Whole(), [""]
    while paths:
        path = paths.pop()
        found = survey(WatchedFolder(root), ledger, path, tidy=False)
        whole.add(path, found)
        paths += found.folders
    return whole


def test_what_is_gone_is_forgotten_after_a_day_unless_all_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = tmp_path / "calls"
    stays = put(root, "county/stays.wav", "x").stat()
    now = 1_800_000_000.0
    monkeypatch.setattr("services.ingest.watch.ledger.time.time", lambda: now)
    ledger = opened(tmp_path / "ledger")
    row = {".wav": Row(Stamp(stays.st_size, stays.st_mtime_ns), "plain")}
    groups = [Group("county", "stays"), Group("county", "gone"), Group("city", "gone")]
    for group in groups:
        ledger.write(group, row)

    def known() -> list[Group]:
        return [group for group in groups if ledger.of(group)]

    surveyed(root, ledger).forget(ledger)
    assert known() == groups
    now += DAY
    surveyed(tmp_path / "ledger", ledger).forget(ledger)  # as when its disk is not mounted
    assert known() == groups
    surveyed(root, ledger).forget(ledger)
    assert known() == groups[:1]
    ledger.close()


def test_nothing_that_is_known_is_work_unless_it_is_not_to_be_left(tmp_path: Path) -> None:
    root = tmp_path / "calls"
    found = put(root, "call.wav", "x").stat()
    put(root, "call.json", "{}")
    ledger = opened(tmp_path / "ledger")
    assert [g for g, _ in survey(WatchedFolder(root), ledger, "", tidy=False).groups] == [
        Group("", "call")
    ]
    ledger.write(Group("", "call"), {".wav": Row(Stamp(found.st_size, found.st_mtime_ns), "call")})
    assert survey(WatchedFolder(root), ledger, "", tidy=False).groups == []
    assert len(survey(WatchedFolder(root), ledger, "", tidy=True).groups) == 1
    (root / "call.wav").write_text("another")
    assert len(survey(WatchedFolder(root), ledger, "", tidy=False).groups) == 1
    ledger.close()
