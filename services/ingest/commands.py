"""`echobase submit`: audio files to ingest, from the command line."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

import click
from rich.console import Console
from rich.markup import escape
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)

from shared import settings
from shared.client import Accepted, Client, Refused, Unreachable
from shared.display import line
from shared.outcome import Outcome, follow_to_end
from shared.stack import addresses
from shared.subjects import LANES
from shared.terminal import console as make_console


@click.command()
@click.argument(
    "files",
    nargs=-1,
    required=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
)
@click.option("--source", help="Who recorded it.")
@click.option("--channel", help="Which stream of the source.")
@click.option("--start", help="When the recording began, such as 2026-05-01T14:03:00Z.")
@click.option("--lane", type=click.Choice(LANES), help="How urgent it is.")
@click.option("--language", help="ISO 639-1 code of what is spoken.")
@click.option("--prompt", help="Text that sets spelling and style.")
@click.option("--hotwords", help="Words to expect.")
@click.option("--words", is_flag=True, help="Give each word's time and confidence.")
@click.option("--task", type=click.Choice(["transcribe", "translate"]))
@click.option("--model", help="Model to transcribe with.")
@click.option("--metadata", help="A JSON object that comes back in every event.")
@click.option("--correlation-id", help="An id of your own that comes back in every event.")
@click.option("--follow", is_flag=True, help="Print the words as they come, until the last one.")
@click.pass_context
def submit(
    ctx: click.Context, files: tuple[Path, ...], follow: bool, **given: str | bool | None
) -> None:
    """Send audio FILES to be transcribed; exits with 1 if any was refused or failed."""
    fields = {
        name: "true" if value is True else str(value) for name, value in given.items() if value
    }
    if not asyncio.run(_submit(files, fields, follow)):
        ctx.exit(1)


async def _submit(files: Sequence[Path], fields: dict[str, str], follow: bool) -> bool:
    """Whether all went well."""
    console = make_console()
    async with Client(addresses(settings.environment())) as client:
        accepted = await _upload(client, files, fields, console)
        if not follow:
            return len(accepted) == len(files)
        outcome = Outcome(accepted)
        async for event in follow_to_end(client, outcome):
            console.print(line(event))
        return len(accepted) == len(files) and not outcome.failed


async def _upload(
    client: Client, files: Sequence[Path], fields: dict[str, str], console: Console
) -> list[Accepted]:
    accepted: list[Accepted] = []
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, disable=not console.is_terminal) as progress:
        for path in files:
            task = progress.add_task(escape(path.name), total=path.stat().st_size)

            def sent(count: int, task: TaskID = task) -> None:
                progress.advance(task, count)

            try:
                answer = await client.upload(path, fields, sent)
            except (Refused, Unreachable, OSError) as error:
                console.print(f"[red]{escape(str(path))}: {escape(str(error))}[/red]")
                continue
            accepted.append(answer)
            _print_answer(console, path, answer)
    return accepted


def _print_answer(console: Console, path: Path, answer: Accepted) -> None:
    console.print(f"{escape(str(path))}: {answer.status}, recording {answer.id}")
    console.print(f"  events      {answer.events}", f"  transcript  {answer.transcript}", sep="\n")
