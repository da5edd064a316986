"""`echobase spool`: what is on ingest's own disk."""

from pathlib import Path

import click

from services.ingest.spool import ENTRIES, FORWARDED, REFUSALS
from shared import settings
from shared.settings import SiteSettings


@click.group()
def spool() -> None:
    """What is on ingest's own disk."""


@spool.command()
@click.pass_context
def backlog(ctx: click.Context) -> None:
    """Print how many recordings are here and nowhere else; exits with 1 if there are any.

    An ingest may be taken away for good when there are none. It reads the folder in ECHOBASE_DATA,
    whether or not ingest runs.
    """
    count = waiting(settings.load(SiteSettings, settings.environment()).data / "spool")
    click.echo(count)
    ctx.exit(1 if count else 0)


def waiting(folder: Path) -> int:
    """Entries of a spool that are not forwarded: those that wait, and those that were refused."""
    return sum(
        # A folder that goes meanwhile was forwarded long ago.
        not (entry / FORWARDED).exists() and entry.exists()
        for place in (ENTRIES, REFUSALS)
        if (folder / place).is_dir()
        for entry in (folder / place).iterdir()
    )
