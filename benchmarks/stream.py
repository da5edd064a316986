"""`make bench-stream`: what one delivery costs the server, beside the least that it can cost.

All servers in one run, in turn round by round, on one core; the readers are on the other. What
counts is the server's CPU time for each delivery: it does not depend on how quick the readers are.
"""

import asyncio
import resource
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from statistics import median

import click
import uvloop
from rich.console import Console
from rich.table import Table

from benchmarks.fanout_load import Figures, Measured, Server, child
from benchmarks.fanout_nchan import nchan


@dataclass(frozen=True)
class Contestant:
    """A server, and how it is started."""

    name: str
    start: Callable[[], AbstractAsyncContextManager[Server | None]]


@asynccontextmanager
async def _ours() -> AsyncGenerator[Server]:
    async with child("benchmarks.fanout_echobase", path="/v1/events") as server:
        yield server


@asynccontextmanager
async def _bare(kind: str) -> AsyncGenerator[Server]:
    async with child("benchmarks.fanout_bare", kind, path="/") as server:
        yield server


CONTESTANTS = (
    Contestant("bare uvloop writer", lambda: _bare("each")),
    Contestant("bare uvloop writer, joined", lambda: _bare("joined")),
    Contestant("EchoBase", _ours),
    Contestant("nchan", nchan),
)


async def compare(readers: int, rounds: int, deliveries: int) -> dict[str, Figures]:
    """The figures of each contestant that is there, taken in turn, so that all meet the same."""
    measured: dict[str, Measured] = {}
    async with AsyncExitStack() as all_of_them:
        for each in CONTESTANTS:
            server = await all_of_them.enter_async_context(each.start())
            if server is None:
                click.echo(f"{each.name} is not here and could not be installed", err=True)
                continue
            measured[each.name] = await Measured.of(server, readers, deliveries)
        for _ in range(rounds):
            for each in measured.values():
                await each.round()
        for each in measured.values():
            each.close()
    return {name: each.figures for name, each in measured.items()}


def table(readers: int, found: dict[str, Figures]) -> Table:
    """The figures side by side; ratios to the bare writers, more is better.

    A ratio is the median of the rounds' own: what else the machine does meets both of a round.
    """
    bare, joined = found["bare uvloop writer"], found["bare uvloop writer, joined"]
    shown = Table(title=f"{readers} readers: server CPU for one delivery")
    for column in ("", "single µs", "of bare", "burst µs", "of joined", "KiB/connection"):
        shown.add_column(column, justify="left" if not column else "right")
    for name, figures in found.items():
        shown.add_row(
            name,
            f"{median(figures.single):.2f}",
            f"{_ratio(bare.single, figures.single):.2f}",
            f"{median(figures.burst):.2f}",
            f"{_ratio(joined.burst, figures.burst):.2f}",
            f"{figures.memory:.1f}",
        )
    return shown


def _ratio(base: Sequence[float], own: Sequence[float]) -> float:
    return median(b / o for b, o in zip(base, own, strict=True))


@click.command()
@click.option("--readers", multiple=True, type=int, default=(100, 1000, 2000), show_default=True)
@click.option("--rounds", type=int, default=25, show_default=True)
@click.option("--deliveries", type=int, default=20_000, show_default=True, help="In each round.")
def main(readers: tuple[int, ...], rounds: int, deliveries: int) -> None:
    """Compare the fan-out of events with a bare writer, and with nchan where it can be had."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    console = Console()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        for count in readers:
            console.print(table(count, runner.run(compare(count, rounds, deliveries))))


if __name__ == "__main__":
    main()
