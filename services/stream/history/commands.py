"""`echobase history`: how far the history of this machine's stream service is, and a new one."""

import fcntl
import time
from collections.abc import Iterator
from pathlib import Path

import click
import msgspec
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from services.stream.history.keeper import FOLDER
from services.stream.history.progress import Report
from services.stream.history.projection import AGAIN, PROGRESS
from shared import settings
from shared.errors import Unavailable
from shared.settings import SiteSettings
from shared.terminal import console as make_console

_EVERY = 0.2
_FILES = ("history.sqlite", "history.sqlite-wal", "history.sqlite-shm")


@click.group()
def history() -> None:
    """What lists and searches read: a file that each stream service makes for itself."""


@history.command()
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def status(as_json: bool) -> None:
    """Say how far it is."""
    folder = _folder()
    report = _report(folder) if _in_use(folder) else None
    if report is None:
        click.echo("null" if as_json else f"No stream service keeps a history in {folder}.")
    elif as_json:
        click.echo(msgspec.json.encode(report))
    else:
        click.echo(_line(report))


@history.command()
@click.option("--timeout", default=3600.0, help="Seconds to wait until it is whole.")
def rebuild(timeout: float) -> None:
    """Make it anew, from the store and EVENTS.

    The stream service whose data folder this is does so, and has no lists meanwhile. If none runs,
    the file is removed, and is made when one starts.
    """
    folder = _folder()
    if not _in_use(folder):
        for name in _FILES:
            (folder / name).unlink(missing_ok=True)
        click.echo("No stream service runs here: the history is made anew when it starts.")
        return
    asked = time.time()
    (folder / AGAIN).touch(mode=0o600)
    _follow(folder, asked, timeout)


def _follow(folder: Path, asked: float, timeout: float) -> None:
    """Show how far it is until it is whole. Raises Unavailable."""
    console = make_console()
    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    last: Report | None = None
    with Progress(*columns, console=console, disable=not console.is_terminal) as bar:
        task = bar.add_task("waiting", total=None)
        for report in _reports(folder, asked, timeout):
            total = report.recordings if report.listed else None
            bar.update(task, description=_line(report), total=total, completed=report.recordings)
            last = report
    if last is None or not last.whole:
        raise Unavailable("The history is not whole yet: `echobase history status` says how far.")
    console.print(f"The history is whole: {last.recordings} recordings.")


def _reports(folder: Path, asked: float, timeout: float) -> Iterator[Report]:
    """What the service says of the new one until it is whole, or nothing more can be awaited."""
    give_up = time.monotonic() + timeout
    while time.monotonic() < give_up and _in_use(folder):
        report = _report(folder)
        if report is not None and report.began > asked:
            yield report
            if report.whole:
                return
        time.sleep(_EVERY)


def _folder() -> Path:
    site = settings.load(SiteSettings, settings.environment())
    return site.data / FOLDER


def _in_use(folder: Path) -> bool:
    """Whether a service keeps the file."""
    try:
        with (folder / "lock").open("r+b") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except BlockingIOError:
        return True
    return False


def _report(folder: Path) -> Report | None:
    try:
        return msgspec.json.decode((folder / PROGRESS).read_bytes(), type=Report)
    except (FileNotFoundError, msgspec.DecodeError):
        return None


def _line(report: Report) -> str:
    match report.stage:
        case "waiting":
            said = "waiting for the file"
        case "listing":
            said = f"{report.recordings} recordings of the store read"
        case "reading":
            said = f"{report.recordings} recordings; {report.behind} events to read"
        case "live":
            said = "live"
    return f"{said} ({report.trouble})" if report.trouble else said
