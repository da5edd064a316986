"""The settings of a box: one file that people edit, and what must hold of it."""

import ipaddress
import secrets
from collections.abc import Mapping
from pathlib import Path

from dotenv import dotenv_values

from deploy.box.errors import BoxError
from shared import settings
from shared.reference import env_example
from shared.settings import SiteSettings

_HEAD = """\
# Settings of EchoBase on this box. After a change: sudo systemctl restart echobase
# Not set here: ECHOBASE_DATA, which is /var/lib/echobase on a box (mount a disk there).
# Everything that can be set, with its default, stands below; take away the # of what you change.
"""
_MADE = ("ECHOBASE_DATA", "ECHOBASE_MODEL_FOLDER")


def read_settings(path: Path) -> dict[str, str]:
    """The variables that a file sets; none if there is no such file."""
    found = dotenv_values(path, interpolate=False) if path.exists() else {}
    return {name: value for name, value in found.items() if value is not None}


def first_settings(chosen: Mapping[str, str]) -> str:
    """The file as it is first written, with what was chosen at the install."""
    lines = [line for line in env_example().splitlines()[1:] if not _is_made(line)]
    set_here = [f"{name}={value}" for name, value in chosen.items() if value]
    return "\n".join([_HEAD, *set_here, *lines]) + "\n"


def chosen(env: Mapping[str, str], *, bind: str, model: str, offline: bool) -> dict[str, str]:
    """What the first settings hold: a key is made where others can reach the box."""
    key = env.get("ECHOBASE_API_KEY", "")
    if not key and bind and not _is_loopback(bind):
        key = secrets.token_urlsafe(24)
    return {
        "ECHOBASE_BIND": bind,
        "ECHOBASE_API_KEY": key,
        "WHISPER_MODEL_NAME": model,
        "ECHOBASE_OFFLINE": "true" if offline else "",
    }


def check(env: Mapping[str, str]) -> None:
    """Raise SettingError for a value that is not allowed, BoxError for one that a box has not."""
    for kind in settings.ALL:
        settings.load(kind, env)
    site = settings.load(SiteSettings, env)
    if not _is_loopback(site.bind) and not site.api_key:
        raise BoxError(
            f"ECHOBASE_BIND={site.bind!r} can be reached from other machines:"
            " set ECHOBASE_API_KEY, or bind to 127.0.0.1"
        )


def _is_loopback(bind: str) -> bool:
    try:
        return ipaddress.ip_address(bind).is_loopback
    except ValueError:
        return bind == "localhost"


def _is_made(line: str) -> bool:
    return line.startswith(tuple(f"#{name}=" for name in _MADE))
