"""`echobase dead`: what could not succeed, shown, done again or dropped."""

import asyncio
import sys
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine, Mapping, Sequence
from contextlib import asynccontextmanager, suppress

import click
import msgspec
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from services.ingest.dead_places import DeadStream, Detail, Item, Place, RefusedSpool
from shared import settings
from shared.client import Client
from shared.errors import EchoBaseError
from shared.messages import encode
from shared.nats_bus import NatsBus
from shared.nats_link import Link
from shared.stack import addresses, nats_settings
from shared.terminal import console as make_console

_PATIENCE = 5.0
"""Seconds within which NATS must be reached."""
_WORDS = {
    "replayed": "queued again",
    "known": "was queued again before; dropped now",
    "completed": "its version has a transcript; dropped",
    "busy": "its version is queued or worked on; left as it is",
    "dropped": "dropped",
}

Act = Callable[[Place, str], Awaitable[str]]


@click.group()
def dead() -> None:
    """Show, replay or drop what could not succeed.

    A dead letter's ID is a number; that of a recording which the store refuses is a key.
    """


@dead.command("list")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
@click.pass_context
def list_(ctx: click.Context, as_json: bool) -> None:
    """List it all. Exits with 1 if not every place could be asked."""
    if not _run(lambda places: _list(places, as_json)):
        ctx.exit(1)


@dead.command()
@click.argument("id")
@click.option("--json", "as_json", is_flag=True, help="As one JSON object.")
@click.pass_context
def show(ctx: click.Context, id: str, as_json: bool) -> None:
    """Show why one could not succeed, and what it was."""
    if not _run(lambda places: _show(places, id, as_json)):
        ctx.exit(1)


_IDS = click.argument("ids", nargs=-1, metavar="[ID]...")
_ALL = click.option("--all", "everything", is_flag=True, help="All that there are.")


@dead.command()
@_IDS
@_ALL
@click.pass_context
def replay(ctx: click.Context, ids: tuple[str, ...], everything: bool) -> None:
    """Have it done again. Replayed often, it is done once. Exits with 1 if any was left."""
    _check(ids, everything)
    if not _run(lambda places: _each(places, ids, _replay)):
        ctx.exit(1)


@dead.command()
@_IDS
@_ALL
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.pass_context
def drop(ctx: click.Context, ids: tuple[str, ...], everything: bool, yes: bool) -> None:
    """Remove it for good. Of a recording that the store refuses this is the only copy."""
    _check(ids, everything)
    if everything and not yes and sys.stdin.isatty():
        click.confirm("Drop everything that could not succeed?", abort=True)
    if not _run(lambda places: _each(places, ids, _drop)):
        ctx.exit(1)


def _check(ids: Sequence[str], everything: bool) -> None:
    if bool(ids) == everything:
        raise click.UsageError("Give IDs, or --all.")


def _run(work: Callable[[Mapping[str, Place]], Coroutine[None, None, bool]]) -> bool:
    async def main() -> bool:
        async with _places(settings.environment()) as places:
            return await work(places)

    return asyncio.run(main())


@asynccontextmanager
async def _places(env: Mapping[str, str]) -> AsyncGenerator[Mapping[str, Place]]:
    """Where to look, by the place's name; nothing is reached before it is asked."""
    link = Link(nats_settings(env), "dead")
    opening = asyncio.create_task(link.open())
    bus = NatsBus(link)
    try:
        async with Client(addresses(env)) as client:
            yield {
                "dead": DeadStream(bus, lambda: link.wait_connected(_PATIENCE)),
                "spool": RefusedSpool(client),
            }
    finally:
        opening.cancel()
        with suppress(asyncio.CancelledError):
            await opening
        await bus.close()


async def _items(places: Mapping[str, Place]) -> tuple[list[Item], bool]:
    """Everything there is, and whether every place could be asked."""
    found: list[Item] = []
    complete = True
    for place in places.values():
        try:
            found += await place.items()
        except EchoBaseError as error:
            complete = False
            _complain(str(error))
    return found, complete


async def _list(places: Mapping[str, Place], as_json: bool) -> bool:
    found, complete = await _items(places)
    if as_json:
        for item in found:
            click.echo(encode(item))
    elif found:
        _print(make_console(), found)
    elif complete:
        click.echo("nothing is dead")
    return complete


def _print(console: Console, found: Sequence[Item]) -> None:
    if not console.is_terminal:
        for item in found:
            words = (item.id, item.time, _who(item) or "-", item.code, item.reason)
            click.echo("\t".join(" ".join(word.split()) for word in words))
        return
    table = Table("id", "time", "recording", "code", "reason")
    for item in found:
        cells = (item.id, item.time, _who(item), item.code, item.reason)
        table.add_row(*(escape(cell) for cell in cells))
    console.print(table, soft_wrap=False)


def _who(item: Item) -> str:
    if item.recording is None:
        return ""
    version = "" if item.version is None else f" version {item.version}"
    return f"{item.source}/{item.channel} {item.recording}{version}"


async def _show(places: Mapping[str, Place], id: str, as_json: bool) -> bool:
    try:
        detail = await _place(places, id).show(id)
    except EchoBaseError as error:
        _complain(str(error))
        return False
    if as_json:
        click.echo(encode(detail))
    else:
        click.echo("\n".join(_lines(detail)))
    return True


def _lines(detail: Detail) -> list[str]:
    item = detail.item
    lines = [
        f"id         {item.id}",
        f"given up   {item.time} by {item.service}",
        f"code       {item.code}",
        f"reason     {item.reason}",
    ]
    if _who(item):
        lines.append(f"recording  {_who(item)}")
    if detail.subject:
        lines.append(f"subject    {detail.subject}")
    lines += [f"header     {name}: {value}" for name, value in detail.headers.items()]
    if detail.payload is not None:
        text = msgspec.json.format(msgspec.json.encode(detail.payload), indent=2)
        lines += ["", text.decode()]
    return lines


async def _replay(place: Place, id: str) -> str:
    return await place.replay(id)


async def _drop(place: Place, id: str) -> str:
    await place.drop(id)
    return "dropped"


async def _each(places: Mapping[str, Place], ids: Sequence[str], act: Act) -> bool:
    """Do something with each, or with everything if none is named; whether all went well."""
    well = True
    if not ids:
        found, well = await _items(places)
        ids = [item.id for item in found]
    for id in ids:
        try:
            outcome = await act(_place(places, id), id)
        except EchoBaseError as error:
            _complain(f"{id}: {error}")
            well = False
            continue
        click.echo(f"{id}: {_WORDS[outcome]}")
        well = well and outcome != "busy"
    return well


def _place(places: Mapping[str, Place], id: str) -> Place:
    return places["dead" if id.isascii() and id.isdigit() else "spool"]


def _complain(words: str) -> None:
    click.echo(f"echobase: {' '.join(words.split())}", err=True)
