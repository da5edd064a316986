"""`echobase retranscribe`: another version of every recording that the filters find."""

import asyncio
import random
from collections.abc import AsyncGenerator
from datetime import UTC, datetime
from urllib.parse import urlencode

import click
import msgspec
from msgspec import Struct
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from shared import settings
from shared.client import Accepted, Client, Refused, Unreachable
from shared.messages import Recording
from shared.stack import addresses
from shared.subjects import LANES
from shared.terminal import console as make_console

_TRIES = 6
_PAUSE = 0.5
"""Seconds before a request that was refused for now is made again; then doubled."""
_FOR_NOW = (408, 429, 503, 507)
_AT_ONCE = 4


class Order(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How the versions are to be transcribed; see `services.ingest.version_order`."""

    model: str | None = None
    language: str | None = None
    task: str | None = None
    prompt: str | None = None
    hotwords: str | None = None
    words: bool = False
    lane: str = ""


class _Page(Struct):
    recordings: list[Recording]
    next: str | None


class Tally(Struct):
    """What came of it."""

    accepted: int = 0
    known: int = 0
    failed: int = 0


@click.command()
@click.option("--since", help="Only what began at or after this, such as 2026-05-01T00:00:00Z.")
@click.option("--until", help="Only what began before this.")
@click.option("--source", multiple=True, help="Only what this source recorded; may be repeated.")
@click.option("--channel", multiple=True, help="Only this stream of a source; may be repeated.")
@click.option("--model", help="Model to transcribe with.")
@click.option("--language", help="ISO 639-1 code of what is spoken.")
@click.option("--task", type=click.Choice(["transcribe", "translate"]))
@click.option("--prompt", help="Text that sets spelling and style.")
@click.option("--hotwords", help="Words to expect.")
@click.option("--words", is_flag=True, help="Give each word's time and confidence.")
@click.option("--lane", type=click.Choice(LANES), default="backfill", show_default=True)
@click.option("--dry-run", is_flag=True, help="Only list the recordings.")
@click.pass_context
def retranscribe(
    ctx: click.Context,
    since: str | None,
    until: str | None,
    source: tuple[str, ...],
    channel: tuple[str, ...],
    dry_run: bool,
    **given: str | bool | None,
) -> None:
    """Ask for another version of recordings; exits with 1 if any was refused.

    A recording that was transcribed with the same options before keeps that version.
    """
    order = msgspec.convert({name: value for name, value in given.items() if value}, Order)
    if order == Order(lane=order.lane) and not dry_run:
        raise click.UsageError(
            "Say what is to be different: --model, --language, --task, --prompt, --hotwords or"
            " --words."
        )
    filters = [("since", since), ("until", until)]
    filters += [("source", name) for name in source] + [("channel", name) for name in channel]
    query = urlencode([(name, value) for name, value in filters if value])
    if not asyncio.run(_retranscribe(query, order, dry_run)):
        ctx.exit(1)


async def _retranscribe(query: str, order: Order, dry_run: bool) -> bool:
    """Whether all went well."""
    console = make_console()
    async with Client(addresses(settings.environment())) as client:
        found = sorted([each async for each in _recordings(client, query)], key=_time)
        if dry_run:
            for recording in found:
                console.print(escape(_line(recording)))
            console.print(f"{len(found)} recordings")
            return True
        tally = await _order_all(client, found, order, console)
    console.print(
        f"{len(found)} recordings: {tally.accepted} accepted, {tally.known} known,"
        f" {tally.failed} failed"
    )
    return not tally.failed


async def _recordings(client: Client, query: str) -> AsyncGenerator[Recording]:
    """Every recording that the filters find. Raises Refused, Unreachable."""
    cursor: str | None = ""
    while cursor is not None:
        place = urlencode({"limit": 500} | ({"cursor": cursor} if cursor else {}))
        page = await client.get_json(f"/v1/recordings?{place}&{query}", _Page)
        for recording in page.recordings:
            yield recording
        cursor = page.next


async def _order_all(
    client: Client, recordings: list[Recording], order: Order, console: Console
) -> Tally:
    tally = Tally()
    waiting = iter(recordings)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal) as progress:
        bar = progress.add_task("asking", total=len(recordings))

        async def ask() -> None:
            for recording in waiting:
                await _note(client, recording, order, console, tally)
                progress.advance(bar)

        async with asyncio.TaskGroup() as tasks:
            for _ in range(_AT_ONCE):
                tasks.create_task(ask())
    return tally


async def _note(
    client: Client, recording: Recording, order: Order, console: Console, tally: Tally
) -> None:
    try:
        answer = await _order(client, recording.id, order)
    except (Refused, Unreachable) as error:
        tally.failed += 1
        console.print(f"[red]{recording.id}: {escape(str(error))}[/red]")
        return
    if answer.status == "known":
        tally.known += 1
    else:
        tally.accepted += 1


async def _order(client: Client, recording: str, order: Order) -> Accepted:
    """Ask for one version, again if it is refused for now. Raises Refused, Unreachable."""
    pause = _PAUSE
    for _ in range(_TRIES - 1):
        try:
            return await _once(client, recording, order)
        except Refused as refusal:
            if refusal.status not in _FOR_NOW:
                raise
        await asyncio.sleep(pause * random.uniform(0.5, 1.0))  # noqa: S311 - no secret
        pause *= 2
    return await _once(client, recording, order)


async def _once(client: Client, recording: str, order: Order) -> Accepted:
    return await client.ingest("POST", f"/v1/recordings/{recording}/versions", Accepted, order)


def _time(recording: Recording) -> datetime:
    return recording.start or recording.received


def _line(recording: Recording) -> str:
    time = _time(recording).astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    return (
        f"{recording.id}  {time}  {recording.source}/{recording.channel}"
        f"  {recording.duration:.1f} s"
    )
