"""`make bench-history`: how quickly a hundred thousand recordings are searched, and listed anew.

    listed      nine tenths of the calls are in the store when the service starts
    followed    the last tenth happens, and the history follows EVENTS, on a real nats-server
    searched    a thousand searches and lists of many kinds, one after another
    made anew   EVENTS is purged, and a new file made of the store; compared row by row

The store is in memory, since what is measured is ours; how quickly a real S3 server is read is
shown for a few thousand recordings.
"""

import asyncio
import random
import shutil
import time
from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from itertools import islice
from pathlib import Path
from sqlite3 import connect
from tempfile import TemporaryDirectory

import click
import msgspec
import uvloop
from rich.console import Console
from rich.table import Table

from benchmarks.history_content import check_words, count, differences, open_file
from benchmarks.history_load import (
    BEGIN,
    CHANNELS,
    SOURCES,
    SPACING,
    Calls,
    Shelf,
    happen,
    store_all,
)
from deploy.local.servers import LocalServer, new_nats, new_s3
from services.stream.history.keeper import History
from services.stream.history.query import Wanted, parse
from shared.bus import Bus
from shared.errors import Unavailable
from shared.follow import Follow
from shared.nats_bus import NatsBus
from shared.nats_link import Link
from shared.object_store import ObjectStore
from shared.s3_store import S3Store
from shared.settings import NatsSettings
from shared.topology import EVENTS, topology

BAR = 0.05
"""Seconds that 95 of 100 searches must take less than."""
_PATIENCE = 1800.0
_KINDS = (
    "one word", "two words", "a phrase", "a beginning", "one of two", "without a word",
    "a word in a channel", "a word in a week", "a word that needs review", "a channel",
    "what needs review", "everything",
)  # fmt: skip


def queries(calls: Calls, number: int, seed: int = 2) -> Iterator[tuple[str, Wanted]]:
    """Searches of each kind in turn; words as often as they are said."""
    dice = random.Random(seed)
    for at in range(number):
        kind = _KINDS[at % len(_KINDS)]
        yield kind, parse(_pairs(kind, calls, dice))


def _pairs(kind: str, calls: Calls, dice: random.Random) -> Sequence[tuple[str, str]]:
    a, b = calls.said(dice, 2).split()
    channel = ("channel", f"talkgroup-{dice.randrange(CHANNELS)}")
    source = ("source", f"system-{dice.randrange(SOURCES)}")
    day = BEGIN + SPACING * dice.randrange(calls.count)
    week = ("since", day.isoformat()), ("until", (day + timedelta(days=7)).isoformat())
    found: dict[str, Sequence[tuple[str, str]]] = {
        "one word": [("q", a)],
        "two words": [("q", f"{a} {b}")],
        "a phrase": [("q", f'"{a} {b}"')],
        "a beginning": [("q", f"{a[:4]}*")],
        "one of two": [("q", f"{a} OR {b}")],
        "without a word": [("q", f"{a} -{b}")],
        "a word in a channel": [("q", a), channel, source],
        "a word in a week": [("q", a), *week],
        "a word that needs review": [("q", a), ("needs_review", "true")],
        "a channel": [channel, source],
        "what needs review": [("needs_review", "true")],
        "everything": [],
    }
    return found[kind]


@asynccontextmanager
async def kept(data: Path, store: ObjectStore, bus: Bus) -> AsyncGenerator[History]:
    """A history that is kept while the context lasts."""
    follow = Follow(bus, EVENTS.name)
    history = History(data, store, bus, follow, review_below=0.6)
    tasks = [asyncio.create_task(follow.run()), asyncio.create_task(history.run())]
    try:
        yield history
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def until_at(history: History, bus: Bus) -> None:
    """Wait until it has every event that there is."""
    end = (await bus.state(EVENTS.name)).last
    async with asyncio.timeout(_PATIENCE):
        while True:
            if (await history.health()).status == "ok":
                try:
                    page = await history.page(Wanted(limit=1))
                except Unavailable:
                    page = None
                if page and int((page.last_event_id or "-0").rpartition("-")[2]) >= end:
                    return
            await asyncio.sleep(0.05)


async def search(history: History, calls: Calls, number: int) -> dict[str, list[float]]:
    """Seconds of each search, by kind."""
    found: dict[str, list[float]] = {kind: [] for kind in _KINDS}
    for kind, wanted in queries(calls, number):
        began = time.perf_counter()
        await history.page(wanted)
        found[kind].append(time.perf_counter() - began)
    return found


def quantile(values: Sequence[float], part: float) -> float:
    """The value that this part of all are not above."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(part * len(ordered)))]


def shown(found: dict[str, list[float]]) -> Table:
    """The searches as a table, in milliseconds."""
    table = Table("searches", "number", "median ms", "p95 ms", "slowest ms")
    for kind, values in [*found.items(), ("all", [v for each in found.values() for v in each])]:
        figures = (quantile(values, 0.5), quantile(values, 0.95), max(values))
        table.add_row(kind, str(len(values)), *(f"{value * 1000:.1f}" for value in figures))
    return table


async def purge(settings: NatsSettings) -> None:
    """Have EVENTS forget everything."""
    link = Link(settings, "operator")
    await link.open()
    answer = await link.request(f"$JS.API.STREAM.PURGE.{EVENTS.name}", b"")
    await link.close()
    if b'"success":true' not in answer.data:
        raise click.ClickException(answer.data.decode())


async def measure(folder: Path, recordings: int, searches: int, console: Console) -> bool:
    """Do it all; whether the bar was met."""
    calls, store = Calls(recordings), Shelf()
    recipe = new_nats(folder)
    server = LocalServer(recipe, folder / "nats.log")
    server.start()
    try:
        link = Link(recipe.settings, "benchmark")
        await link.open()
        bus = NatsBus(link)
        await bus.ensure(topology())
        waiting = iter(calls)
        await store_all(store, islice(waiting, recordings * 9 // 10))
        async with kept(folder / "followed", store, bus) as history:
            await until_at(history, bus)
            began = time.perf_counter()
            events = await happen(store, bus, waiting)
            await until_at(history, bus)
            took = time.perf_counter() - began
            console.print(
                f"followed: {events} events in {took:.0f} s, {events / took:.0f} a second,"
                " publishing them in the same process included"
            )
            found = await search(history, calls, searches)
        await purge(recipe.settings)
        async with kept(folder / "anew", store, bus) as history:
            began = time.perf_counter()
            await until_at(history, bus)
            took = time.perf_counter() - began
        await bus.close()
    finally:
        server.kill()
    size = (folder / "anew" / "history" / "history.sqlite").stat().st_size
    console.print(
        f"made anew: {recordings} recordings in {took:.0f} s, {recordings / took:.0f} a second;"
        f" the file has {size / 1e6:.0f} MB"
    )
    same = compare(folder, console)
    erasing(folder, console)
    console.print(shown(found))
    p95 = quantile([v for values in found.values() for v in values], 0.95)
    met = p95 < BAR
    console.print(f"p95 of {searches} searches: {p95 * 1000:.1f} ms; below {BAR * 1000:.0f}: {met}")
    return met and same


def compare(folder: Path, console: Console) -> bool:
    """Whether both files have the same rows."""
    one, other = open_file(folder / "followed"), open_file(folder / "anew")
    rows = count(one)
    found = list(differences(one, other))
    for db in (one, other):
        check_words(db)
        db.close()
    console.print(f"after EVENTS was purged: {rows} rows compared, {len(found)} differ")
    for each in found[:5]:
        console.print(each[:200])
    return not found


def erasing(folder: Path, console: Console) -> None:
    """How long it takes to overwrite a recording that was deleted."""
    path = folder / "erased.sqlite"
    shutil.copy(folder / "anew" / "history" / "history.sqlite", path)
    db = connect(path, isolation_level=None)
    db.execute("PRAGMA secure_delete = ON")
    db.execute("INSERT INTO words (words) VALUES ('optimize')")
    began = time.perf_counter()
    key, text = db.execute("SELECT key, text FROM bodies ORDER BY key LIMIT 1").fetchone()
    db.execute("INSERT INTO words (words, rowid, text) VALUES ('delete', ?, ?)", (key, text))
    db.execute("DELETE FROM bodies WHERE key = ?", (key,))
    db.execute("INSERT INTO words (words) VALUES ('optimize')")
    console.print(f"a deletion is overwritten in {time.perf_counter() - began:.2f} s")
    db.close()


async def on_s3(folder: Path, recordings: int, console: Console) -> None:
    """How quickly a real S3 server is listed and read."""
    own = folder / "real"
    own.mkdir()
    recipe, nats = new_s3(own), new_nats(own)
    servers = LocalServer(recipe, own / "s3.log"), LocalServer(nats, own / "nats.log")
    for each in servers:
        each.start()
    store = S3Store(msgspec.structs.replace(recipe.settings, store_bucket="bench"))
    link = Link(nats.settings, "benchmark")
    try:
        await link.open()
        bus = NatsBus(link)
        await bus.ensure(topology())
        await store.ensure()
        await store_all(store, iter(Calls(recordings)))
        async with kept(folder / "from-s3", store, bus) as history:
            began = time.perf_counter()
            await until_at(history, bus)
            took = time.perf_counter() - began
        await bus.close()
    finally:
        await store.close()
        for each in servers:
            each.kill()
    console.print(
        f"made anew from SeaweedFS: {recordings} recordings in {took:.1f} s,"
        f" {recordings / took:.0f} a second"
    )


@click.command()
@click.option("--recordings", default=100_000, help="How many.")
@click.option("--searches", default=1200, help="How many.")
@click.option("--from-s3", default=2_000, help="Recordings that are read from a real S3 server.")
@click.pass_context
def main(ctx: click.Context, recordings: int, searches: int, from_s3: int) -> None:
    """Measure the history."""
    console = Console(soft_wrap=True)
    with TemporaryDirectory() as folder:
        met = uvloop.run(measure(Path(folder), recordings, searches, console))
        uvloop.run(on_s3(Path(folder), from_s3, console))
    if not met:
        ctx.exit(1)


if __name__ == "__main__":
    main()
