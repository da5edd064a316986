"""`python -m tests.chaos --seed 1`: one run, with its schedule and its summary printed."""

import asyncio
import sys
import tempfile
from pathlib import Path

import click

from tests.chaos.faulty import NAMES, Fault
from tests.chaos.run import Plan, run
from tests.chaos.schedule import make_schedule
from tests.chaos.summary import lines


@click.command()
@click.option("--seed", type=int, required=True, help="The same seed makes the same schedule.")
@click.option("--recordings", type=int, default=300, show_default=True)
@click.option("--kills", type=int, default=42, show_default=True)
@click.option("--minutes", type=float, default=8.0, show_default=True, help="Length of the play.")
@click.option("--keep", type=click.Path(path_type=Path), help="Folder in which all of it is left.")
@click.option("--fault", type=click.Choice(NAMES), help="Planted: the run must then fail.")
def main(
    seed: int,
    recordings: int,
    kills: int,
    minutes: float,
    keep: Path | None,
    fault: Fault | None,
) -> None:
    """Kill everything, and see whether anything is lost or doubled."""
    seconds = 60 * minutes
    plan = Plan(
        seed,
        recordings,
        seconds,
        make_schedule(seed, kills, seconds),
        faults=(fault,) if fault else (),
    )
    for due in plan.schedule:
        click.echo(due)
    with tempfile.TemporaryDirectory(prefix="echobase-chaos-") as temporary:
        folder = keep or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        result = asyncio.run(run(plan, folder, click.echo))
    for line in lines(result):
        click.echo(line)
    sys.exit(0 if result.passed else 1)


if __name__ == "__main__":
    main()
