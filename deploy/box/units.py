"""The units of a box, as text, and their writing.

    python -m deploy.box.units [ROOT]

`echobase.service` reads the settings and says how each part is run (`deploy.box.prepare`), by the
same layout as the local stack's; then each part has a unit of its own, which runs that. So
`systemctl restart echobase` takes settings into account, and one part can be restarted alone.
"""

import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from deploy.box import sandbox
from deploy.box.config import read_settings
from deploy.box.files import write
from deploy.box.places import DATA, ETC, HOME, RUN, USER, Places
from deploy.box.sandbox import PARTS, Part
from shared import settings
from shared.settings import SiteSettings

MAIN = "echobase.service"
_HEAD = "# Made by `echobase install`"
"""How each of our units begins."""
_PYTHON = f"{HOME}/current/bin/python"
_SLACK = 15.0
"""Seconds beyond its grace after which a part that has not ended is killed."""
_BACKOFF_SINCE = 254
"""The systemd that knows how to wait longer and longer."""
_ENVIRONMENT = {
    "ECHOBASE_DATA": DATA,
    "ECHOBASE_MODEL_FOLDER": f"{DATA}/models",
    "HOME": DATA,
    "PYTHONSAFEPATH": "1",
}
_STATE = {"StateDirectory": USER, "StateDirectoryMode": "0750"}
_BAD_SETTING = 2
"""Exit code by which a service says that a setting is not allowed: trying again cannot help."""


def unit(part: str) -> str:
    """The name of a part's unit."""
    return f"echobase-{part}.service"


def units(grace: float, systemd: int) -> dict[str, str]:
    """Every unit by its name: `grace` seconds to end in, for a version of systemd."""
    return {MAIN: _main(), **{unit(part.name): _part(part, grace, systemd) for part in PARTS}}


def write_units(places: Places, grace: float, systemd: int) -> None:
    """Write every unit, remove those of ours that are none any more."""
    wanted = units(grace, systemd)
    for name, text in wanted.items():
        write(places.units / name, text)
    for path in made(places):
        if path.name not in wanted:
            path.unlink()


def made(places: Places) -> list[Path]:
    """The units that are there and that were made here; an administrator's own are not."""
    found = places.units.glob("echobase*.service")
    return [path for path in found if path.read_text(errors="replace").startswith(_HEAD)]


def version() -> int:
    """The machine's systemd; 0 if it has none."""
    try:
        shown = subprocess.run(["systemctl", "--version"], capture_output=True, text=True).stdout
    except OSError:
        return 0
    found = re.match(r"systemd (\d+)", shown)
    return int(found[1]) if found else 0


def _main() -> str:
    return _text(
        {
            "Unit": {
                "Description": "EchoBase: recordings in, words out",
                "Wants": " ".join(unit(part.name) for part in PARTS),
                "After": "local-fs.target",
            },
            "Service": {
                "Type": "oneshot",
                "RemainAfterExit": "yes",
                **_context(),
                **_STATE,
                "RuntimeDirectory": USER,
                "RuntimeDirectoryMode": "0750",
                "ExecStart": f"{_PYTHON} -P -m deploy.box.prepare",
                "ExecStop": f"/bin/rm -f {DATA}/stack.json",
                **sandbox.ALL,
                **sandbox.LOOPBACK,
            },
            "Install": {"WantedBy": "multi-user.target"},
        }
    )


def _part(part: Part, grace: float, systemd: int) -> str:
    recipe = f"{RUN}/{part.name}.json"
    before = [] if part.is_server else [unit(each.name) for each in PARTS if each.is_server]
    # Started again for ever: what it waits for may be away for days.
    backoff = {"RestartSteps": "8", "RestartMaxDelaySec": "30"} if systemd >= _BACKOFF_SINCE else {}
    waiting = {"ExecStartPost": f"{_PYTHON} -P -m deploy.box.ready {recipe}"} if part.wait else {}
    return _text(
        {
            "Unit": {
                "Description": f"EchoBase: {part.title}",
                "PartOf": MAIN,
                "Requires": MAIN,
                # What starts first ends last.
                "After": " ".join([MAIN, *before]),
                # It is not there for what the settings say is elsewhere.
                "ConditionPathExists": recipe,
                "StartLimitIntervalSec": "0",
            },
            "Service": {
                "Type": "exec",
                **_context(),
                "ExecStart": f"{_PYTHON} -P -m deploy.box.part {recipe}",
                **waiting,
                "Restart": "always",
                "RestartSec": "1",
                **backoff,
                "RestartPreventExitStatus": str(_BAD_SETTING),
                "TimeoutStartSec": "120",
                "TimeoutStopSec": f"{grace + _SLACK:g}",
                "KillMode": "mixed",
                **sandbox.ALL,
                **_folders(part),
                **part.more,
            },
        }
    )


def _context() -> dict[str, str]:
    """Who runs it, where, and with which settings."""
    return {
        "User": USER,
        "Group": USER,
        "WorkingDirectory": DATA,
        "Environment": " ".join(f"{name}={value}" for name, value in _ENVIRONMENT.items()),
        "EnvironmentFile": f"{ETC}/echobase.env",
        "SyslogIdentifier": "%N",
    }


def _folders(part: Part) -> dict[str, str]:
    """What it may write to."""
    return (
        {"ReadWritePaths": " ".join(f"{DATA}/{each}" for each in part.own)} if part.own else _STATE
    )


def _text(sections: Mapping[str, Mapping[str, str]]) -> str:
    lines = [f"{_HEAD}; renewed by every update. Yours: systemctl edit %N"]
    for section, directives in sections.items():
        lines += ["", f"[{section}]"]
        for name, value in directives.items():
            lines += [f"{name}={each}" for each in value.split("\n")]
    return "\n".join(lines) + "\n"


def main(root: Path) -> None:
    """Write the units of a box whose settings are there."""
    places = Places(root)
    env = read_settings(places.settings)
    write_units(places, settings.load(SiteSettings, env).grace, version())


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path("/"))
