"""`python -m tests.storm`: reconnect storms over the stream service, with the figures printed."""

import asyncio
import sys
import tempfile
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path

import click
import uvloop
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from shared.open_files import raise_limit
from tests.storm.filter_cost import ENVIRONMENT, LIMIT, Cost, FilterCost
from tests.storm.plan import Plan, Result
from tests.storm.run import Storm
from tests.storm.site import Servers, standing
from tests.storm.summary import cost_rows, lines
from tests.support.servers import NatsFixture, S3Fixture

_CLIENTS, _FILTERS, _EVENTS = 5000, 500, 2000
"""Of the comparison between one client alone and among many."""


@click.command()
@click.option("--clients", type=int, default=Plan.clients, show_default=True)
@click.option("--events", type=int, default=Plan.events, show_default=True)
@click.option("--keep", type=click.Path(path_type=Path), help="Folder in which all of it is left.")
def main(clients: int, events: int, keep: Path | None) -> None:
    """Let many clients come and go, and see whether each of them was sent everything once."""
    raise_limit()
    with tempfile.TemporaryDirectory(prefix="echobase-storm-") as temporary:
        folder = (keep or Path(temporary)).absolute()
        folder.mkdir(parents=True, exist_ok=True)
        with _servers(folder) as servers:
            result = _run(_plan(clients, events), servers, folder)
            alone, among = asyncio.run(_filter_cost(servers, folder / "filters"))
    if max(among.loop / alone.loop, among.process / alone.process) > LIMIT:
        result.findings.append("an event costs too much that nearly nobody wants")
    for line in lines(result, cost_rows(alone, among, _CLIENTS)):
        click.echo(line)
    sys.exit(1 if result.findings else 0)


def _plan(clients: int, events: int) -> Plan:
    return Plan(
        clients=clients,
        choosy=clients // 20,
        absent=clients // 50,
        events=events,
        ring=max(1, events // 25),
    )


@contextmanager
def _servers(folder: Path) -> Generator[Servers]:
    for name in ("nats", "store"):
        (folder / name).mkdir()
    nats, s3 = NatsFixture(folder / "nats"), S3Fixture(folder / "store")
    try:
        nats.start()
        s3.start()
        yield Servers(nats.settings, s3.settings)
    finally:
        nats.kill()
        s3.kill()


def _run(plan: Plan, servers: Servers, folder: Path) -> Result:
    columns = (TextColumn("events"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with (
        Progress(*columns, console=Console(stderr=True)) as progress,
        asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner,
    ):
        task = progress.add_task("events", total=plan.events)

        def tell(result: Result) -> None:
            tenths = len(result.sizes)
            progress.update(task, completed=result.published)
            if tenths > len(told):
                told.append(tenths)
                progress.console.print(
                    f"{result.published} events, {result.deliveries} deliveries, "
                    f"{len(result.findings)} findings so far"
                )

        told: list[int] = []
        return runner.run(_storm(plan, servers, folder, tell))


async def _storm(
    plan: Plan, servers: Servers, folder: Path, tell: Callable[[Result], None]
) -> Result:
    async with standing(servers, folder, **plan.environment) as site:
        return await Storm(plan, site, tell).run()


async def _filter_cost(servers: Servers, folder: Path) -> tuple[Cost, Cost]:
    async with standing(servers, folder, **ENVIRONMENT) as site:
        return await FilterCost(site, _EVENTS).compare(_CLIENTS, _FILTERS)


if __name__ == "__main__":
    main()
