"""The units: systemd's own checks, and what must hold of them."""

import re
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from deploy.box.places import HOME, RUN, Places
from deploy.box.sandbox import PARTS
from deploy.box.units import MAIN, unit, units, version, write_units
from deploy.local.layout import layout
from tests.support.box import read_unit

GRACE = 30.0
WORST = 2.0
"""systemd's measure of what a service could do, from 0 to 10."""
_PYTHON = f"{HOME}/current/bin/python"


@pytest.fixture
def machine(tmp_path: Path) -> Places:
    """A root with systemd's own units, ours, and a program in the release's place."""
    places = Places(tmp_path)
    own = Path("/usr/lib/systemd/system")
    shutil.copytree(own, places.at(str(own)), symlinks=True)
    write_units(places, GRACE, version())
    for program in (_PYTHON, "/bin/rm"):
        path = places.at(program)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("#!/bin/sh\n")
        path.chmod(0o755)
    return places


def verify(machine: Places) -> str:
    """What systemd finds wrong with our units."""
    found = [str(path) for path in sorted(machine.units.glob("echobase*"))]
    command = ["systemd-analyze", "verify", "--man=no", f"--root={machine.root}", *found]
    done = subprocess.run(command, capture_output=True, text=True)
    return done.stderr + (f"exit code {done.returncode}" if done.returncode else "")


def exposure(machine: Places, name: str) -> float:
    """systemd's measure of a unit."""
    command = ["systemd-analyze", "security", "--offline=true", f"--root={machine.root}", name]
    shown = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    found = re.search(r"exposure level for \S+: ([\d.]+)", shown)
    assert found, shown
    return float(found[1])


def all_units() -> Mapping[str, Mapping[str, Mapping[str, list[str]]]]:
    return {name: read_unit(text) for name, text in units(GRACE, 252).items()}


def test_systemd_finds_nothing_wrong(machine: Places):
    assert len(list(machine.units.glob("echobase*"))) == len(PARTS) + 1
    assert verify(machine) == ""


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ("ProtectHome=yes", "ProtectHomes=yes", "ProtectHomes"),
        (f"ExecStart={_PYTHON}", f"ExecStart={HOME}/current/bin/pyton", "not executable"),
        ("After=", "After=no-such-thing\nAfter=", "no-such-thing"),
    ],
)
def test_systemd_finds_what_is_wrong(machine: Places, old: str, new: str, complaint: str):
    path = machine.units / unit("ingest")
    path.write_text(path.read_text().replace(old, new))
    assert complaint in verify(machine)


def test_what_services_may_do_is_bounded(machine: Places):
    found = {name: exposure(machine, name) for name in all_units()}
    print(found)  # noqa: T201 - a figure of the documentation
    assert max(found.values()) <= WORST, found


def test_a_sandbox_that_is_left_open_is_seen(machine: Places):
    path = machine.units / unit("ingest")
    path.write_text(path.read_text().replace("ProtectSystem=strict\n", "").replace("~@", "@"))
    assert exposure(machine, unit("ingest")) > WORST - 0.5
    path.write_text("[Service]\nExecStart=/bin/rm\n")
    assert exposure(machine, unit("ingest")) > 9


def test_the_parts_are_those_of_the_local_stack(tmp_path: Path):
    stack = layout({"ECHOBASE_DATA": str(tmp_path)}, move=True)
    assert {(part.name, part.is_server) for part in stack.parts} == {
        (part.name, part.is_server) for part in PARTS
    }


def test_one_name_starts_stops_and_restarts_all():
    found = all_units()
    assert found[MAIN]["Unit"]["Wants"][0].split() == [unit(part.name) for part in PARTS]
    for part in PARTS:
        section = found[unit(part.name)]["Unit"]
        assert section["PartOf"] == section["Requires"] == [MAIN]
        assert MAIN in section["After"][0].split()


def test_servers_end_after_what_stands_on_them():
    found = all_units()
    servers = {unit(part.name) for part in PARTS if part.is_server}
    for part in PARTS:
        after = set(found[unit(part.name)]["Unit"]["After"][0].split())
        assert (servers <= after) != part.is_server


def test_nobody_is_killed_before_its_grace_is_over():
    for part in PARTS:
        service = read_unit(units(90.0, 252)[unit(part.name)])["Service"]
        assert float(service["TimeoutStopSec"][0]) > 90


def test_parts_are_started_again_for_ever_and_ever_more_slowly_where_systemd_can():
    for part in PARTS:
        old, new = (read_unit(units(GRACE, each)[unit(part.name)]) for each in (252, 257))
        for found in (old, new):
            assert found["Service"]["Restart"] == ["always"]
            assert found["Unit"]["StartLimitIntervalSec"] == ["0"]
        assert "RestartMaxDelaySec" not in old["Service"]
        assert new["Service"]["RestartMaxDelaySec"] == ["30"]


def test_no_secret_is_in_a_unit():
    for name, text in units(GRACE, 252).items():
        assert not re.search("KEY|PASSWORD|SECRET", text), name
        assert read_unit(text)["Service"]["User"] == ["echobase"]


def test_what_is_no_part_any_more_loses_its_unit(tmp_path: Path):
    places = Places(tmp_path)
    places.units.mkdir(parents=True)
    gone, theirs = places.units / unit("gone"), places.units / "other.service"
    nightly = places.units / "echobase-nightly.service"
    gone.write_text(units(GRACE, 252)[unit("ingest")])
    theirs.touch()
    nightly.write_text("# An administrator's own.\n")
    write_units(places, GRACE, 252)
    assert not gone.exists()
    assert nightly.exists()
    assert theirs.exists()


def test_a_part_is_run_by_what_prepare_wrote():
    for part in PARTS:
        found = read_unit(units(GRACE, 252)[unit(part.name)])
        recipe = f"{RUN}/{part.name}.json"
        assert found["Unit"]["ConditionPathExists"] == [recipe]
        assert found["Service"]["ExecStart"] == [f"{_PYTHON} -P -m deploy.box.part {recipe}"]
