"""Makes the environment in `.venv` with nothing but Python 3.11 and pip: the first thing that runs.

    python3 deploy/local/bootstrap.py local|dev    install what an extra's lock names
    python3 deploy/local/bootstrap.py uv           install uv alone, and print where it is

pip downloads, since it shows each file's size and time left and takes the user's own index; uv
installs, offline, from what pip brought. Both check every file against the lock's hashes. What is
there already is left alone, what was interrupted goes on. Standard library only.
"""

import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TOOLS = ROOT / ".tools" / "uv"
VENV = ROOT / ".venv"
STAMP = VENV / ".echobase.json"
WHEELS = ROOT / ".cache" / "wheels"
PACKAGES = ("shared", "services", "deploy")
PIP = (sys.executable, "-m", "pip")
PIP_OPTIONS = ("--require-hashes", "--no-deps", "--disable-pip-version-check", "--no-input")
# The later holds all of the earlier.
EXTRAS = ("local", "dev")


class BootstrapError(Exception):
    """The environment cannot be made."""


def main(wanted: str) -> None:
    """Make what is wanted. Raises BootstrapError."""
    if wanted == "uv":
        sys.stdout.write(f"{ensure_uv()}\n")
        return
    if wanted not in EXTRAS:
        raise BootstrapError(f"give one of uv, {', '.join(EXTRAS)}")
    stamped = _stamped()
    if stamped in EXTRAS[EXTRAS.index(wanted) :]:
        return
    # An environment for developers stays one when it is renewed for something smaller.
    extra = max(wanted, _made_for() or wanted, key=EXTRAS.index)
    _say(f"Installing what requirements/{extra}.txt names; Ctrl-C is safe, it goes on from there.")
    install(ensure_uv(), extra)
    STAMP.write_text(json.dumps({"extra": extra, "digest": digest(extra)}))


def ensure_uv() -> Path:
    """Where uv is, installed if need be. Raises BootstrapError."""
    program = TOOLS / "bin" / "uv"
    lock = ROOT / "requirements" / "uv.txt"
    stamp = TOOLS / "lock.sha256"
    wanted = hashlib.sha256(lock.read_bytes()).hexdigest()
    if program.exists() and stamp.exists() and stamp.read_text() == wanted:
        return program
    _say("Installing uv")
    if subprocess.run([*PIP, "--version"], capture_output=True).returncode:
        raise BootstrapError(
            "this Python has no pip: install it (on Debian: apt-get install python3-pip)"
        )
    # Into a folder of its own: systems that manage their Python refuse anything else.
    draft = TOOLS.with_name("uv.new")
    shutil.rmtree(draft, ignore_errors=True)
    _run(
        [*PIP, "install", *PIP_OPTIONS, "--target", str(draft), "-r", str(lock)],
        {**os.environ, "PIP_ROOT_USER_ACTION": "ignore"},
        "pip could not install uv",
    )
    shutil.rmtree(TOOLS, ignore_errors=True)
    draft.rename(TOOLS)
    stamp.write_text(wanted)
    return program


def install(uv: Path, extra: str) -> None:
    """Bring `.venv` to an extra's lock, with EchoBase itself on top. Raises BootstrapError."""
    STAMP.unlink(missing_ok=True)
    download(extra)
    lock = ROOT / "requirements" / f"{extra}.txt"
    env = {"UV_LINK_MODE": "copy", **os.environ, "VIRTUAL_ENV": str(VENV), "UV_OFFLINE": "1"}
    env.pop("PYTHONPATH", None)
    if not _works(VENV / "bin" / "python"):
        _run(
            [str(uv), "venv", "--clear", "--no-python-downloads", "-p", sys.executable, str(VENV)],
            env,
            "uv could not make .venv",
        )
    source = ["--no-index", "--find-links", str(WHEELS)]
    # Compiled now, or every start would: where PYTHONDONTWRITEBYTECODE is set it is never kept.
    options = ["--quiet", "--require-hashes", "--compile-bytecode"]
    _run(
        [str(uv), "pip", "sync", *options, *source, str(lock)],
        env,
        "uv could not install the packages",
    )
    # uv builds this package itself: nothing is fetched for it.
    _run(
        [str(uv), "pip", "install", "--quiet", "--no-deps", "-e", str(ROOT)],
        env,
        "uv could not install EchoBase",
    )
    _run(
        [str(VENV / "bin" / "python"), "-m", "compileall", "-q", *PACKAGES],
        env,
        "EchoBase could not be compiled",
    )


def download(extra: str) -> None:
    """Bring every package of an extra's lock into WHEELS. Raises BootstrapError."""
    lock = ROOT / "requirements" / f"{extra}.txt"
    _run(
        [*PIP, "download", *PIP_OPTIONS, "--dest", str(WHEELS), "-r", str(lock)],
        os.environ,
        "pip could not download the packages",
    )


def digest(extra: str) -> str:
    """What an environment for an extra is made of."""
    found = hashlib.sha256(sys.version.encode())
    for path in (ROOT / "requirements" / f"{extra}.txt", ROOT / "pyproject.toml"):
        found.update(path.read_bytes())
    # A checkout that was moved must be installed anew: EchoBase's own place is noted in it.
    found.update(str(ROOT).encode())
    return found.hexdigest()


def _stamped() -> str | None:
    """For which extra the environment is complete and current."""
    try:
        stamp = json.loads(STAMP.read_text())
        current = stamp["digest"] == digest(stamp["extra"])
    except (OSError, ValueError, KeyError):
        return None
    return stamp["extra"] if current and (VENV / "bin" / "python").exists() else None


def _made_for() -> str | None:
    try:
        extra = json.loads(STAMP.read_text())["extra"]
    except (OSError, ValueError, KeyError):
        return None
    return extra if extra in EXTRAS else None


def _works(python: Path) -> bool:
    check = "import sys; sys.exit(sys.version_info < (3, 11))"
    try:
        return subprocess.run([str(python), "-c", check]).returncode == 0
    except OSError:
        return False


def _run(command: list[str], env: Mapping[str, str], complaint: str) -> None:
    if code := subprocess.run(command, env=dict(env), cwd=ROOT).returncode:
        raise BootstrapError(f"{complaint} (exit code {code}); see above")


def _say(line: str) -> None:
    sys.stderr.write(f"{line}\n")


if __name__ == "__main__":
    if sys.version_info < (3, 11):  # noqa: UP036 - the one place where an older one may come by
        sys.exit("EchoBase needs Python 3.11 or newer: make PYTHON=python3.12 ...")
    try:
        main(sys.argv[1] if len(sys.argv) > 1 else "")
    except BootstrapError as error:
        sys.exit(f"bootstrap: {error}")
    except KeyboardInterrupt:
        sys.exit("\nbootstrap: interrupted; run it again to go on")
