"""`python -m tests.soak`: bad input by the thousand, with its progress and its summary printed."""

import asyncio
import sys
import tempfile
from pathlib import Path

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from tests.soak.deal import deal
from tests.soak.run import SETTLED, Result, Soak
from tests.soak.site import Site, soaked
from tests.soak.summary import lines


@click.command()
@click.option("--pieces", type=int, default=1_000, show_default=True)
@click.option("--seed", type=int, default=1, show_default=True, help="The same deals the same.")
@click.option("--keep", type=click.Path(path_type=Path), help="Folder in which all of it is left.")
def main(pieces: int, seed: int, keep: Path | None) -> None:
    """Send bad input to a stack of its own, and see whether that harms it."""
    with tempfile.TemporaryDirectory(prefix="echobase-soak-") as temporary:
        folder = keep or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        with soaked(folder) as site:
            result = asyncio.run(_soak(site, pieces, seed, folder))
    for line in lines(result):
        click.echo(line)
    sys.exit(1 if result.findings else 0)


async def _soak(site: Site, pieces: int, seed: int, folder: Path) -> Result:
    columns = (TextColumn("pieces"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True)) as progress:
        task = progress.add_task("pieces", total=pieces)

        def tell(result: Result) -> None:
            progress.update(task, completed=result.pieces)
            if result.pieces % SETTLED == 0:
                progress.console.print(f"{result.pieces}: {len(result.findings)} findings so far")

        return await Soak(site, seed, tell).run(deal(seed, pieces, folder))


if __name__ == "__main__":
    main()
