"""`echobase channels`: what a site says of its channels, set, listed, and imported from files.

They go straight to the bucket of channels; every service that follows it knows within a moment.
"""

import asyncio
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import NamedTuple, TypeVar, cast

import click
import msgspec
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from services.ingest.channels.desk import ChannelDesk
from services.ingest.channels.importing import FORMATS, Decision, Format, decide, put_all, read_file
from services.ingest.channels.order import FIELDS, HOTWORDS, Said, changed, read_place
from shared.audit import Audit
from shared.bus import Bus
from shared.channels import ChannelRecord
from shared.errors import EchoBaseError
from shared.keys import matches
from shared.operator import note, operating
from shared.terminal import console as make_console
from shared.topology import CHANNELS

T = TypeVar("T")
_LARGEST = 64 * 1024**2
"""Bytes of a file: more is no list of channels."""


class NoSuchChannel(EchoBaseError):
    """Nothing is said of this channel."""

    code = "no-such-channel"


class _Tools(NamedTuple):
    desk: ChannelDesk
    audit: Audit


@click.group()
def channels() -> None:
    """Say what channels are called, and how their recordings are treated.

    It counts for what is accepted, and for versions that are started, from the next moment on.
    """


@channels.command("list")
@click.option("--source", default="*", help="Only this one's; * stands for any run of characters.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
def list_(source: str, as_json: bool) -> None:
    """List every channel of which something is said."""
    found = [each for each in _run(_all) if matches(source, each.source)]
    for record in sorted(found, key=lambda each: (each.source, each.channel)):
        click.echo(msgspec.json.encode(_shown(record)) if as_json else _line(record))
    if not found and not as_json:
        click.echo("Nothing is said of any channel.", err=True)


def _field(name: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    field = FIELDS[name]
    return click.option(f"--{name.replace('_', '-')}", help=f"{field.description}: {field.limit}.")


@channels.command("set")
@click.argument("source")
@click.argument("channel")
@_field("label")
@_field("description")
@_field("tag")
@_field("group")
@_field("language")
@_field("prompt")
@click.option("--hotword", "hotwords", multiple=True, help=f"{HOTWORDS.description}; repeated.")
@_field("lane")
@_field("speech_threshold")
@_field("least_confidence")
@_field("keep_audio")
@_field("keep_transcripts")
def set_(source: str, channel: str, hotwords: tuple[str, ...], **given: str | None) -> None:
    """Say something of the CHANNEL of a SOURCE; an empty text takes away what was said."""
    said: dict[str, str | float | list[str] | None] = {
        k: v for k, v in given.items() if v is not None
    }
    if hotwords:
        said["hotwords"] = list(hotwords)
    if not said:
        raise click.UsageError("Give what is to be said, such as --label.")
    click.echo(_line(_run(lambda tools: _set(tools, *read_place(source, channel), said))))


@channels.command()
@click.argument("source")
@click.argument("channel")
def remove(source: str, channel: str) -> None:
    """Treat the CHANNEL of a SOURCE as every other again. Its recordings stay."""
    _run(lambda tools: _remove(tools, *read_place(source, channel)))
    click.echo("Removed.")


@channels.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--source", default="", help="Whose channels they are; needed, unless the file says it."
)
@click.option(
    "--format",
    "format_",
    type=click.Choice(FORMATS),
    default="auto",
    show_default=True,
    help="sdrtrunk: its playlist; csv: trunk-recorder's talkgroups, or RadioReference's export.",
)
@click.option("--dry-run", is_flag=True, help="Only say what would change.")
@click.pass_context
def import_(ctx: click.Context, file: Path, source: str, format_: Format, dry_run: bool) -> None:
    """Take the names of a FILE's channels over: SDRTrunk's playlist, or a CSV of talkgroups.

    Imported again, nothing changes. What else is said of the channels stays. Exits with 1 if a line
    was refused.
    """
    if file.stat().st_size > _LARGEST:
        raise click.BadParameter(f"more than {_LARGEST} bytes", param_hint="FILE")
    rows = read_file(file.read_bytes(), format_)

    async def work(tools: _Tools) -> Decision:
        found = decide(rows, await tools.desk.all(), source)
        return found if dry_run else await _take_over(tools, file.name, found)

    found = _run(work)
    _report(make_console(), found, dry_run)
    if found.refused:
        ctx.exit(1)


async def _take_over(tools: _Tools, name: str, found: Decision) -> Decision:
    console = make_console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal) as progress:
        bar = progress.add_task("importing", total=len(found.changes))
        late = await put_all(tools.desk, found.changes, lambda: progress.advance(bar))
    if found.changes:
        counts = {"added": len(found.added), "changed": len(found.changed)}
        about = {key: str(count) for key, count in counts.items()}
        await note(tools.audit, "channels-imported", file=name, **about)
    found.refused.extend(late)
    return found


def _report(console: Console, found: Decision, dry_run: bool) -> None:
    for refused in found.refused:
        console.print(f"[red]line {refused.line}: {escape(refused.why)}[/red]")
    if dry_run:
        for kind, changes in (("new", found.added), ("changed", found.changed)):
            for change in changes:
                console.print(escape(f"{kind:7}  {_line(change.record)}"))
    would = "would be " if dry_run else ""
    console.print(
        f"{len(found.added)} {would}added, {len(found.changed)} {would}changed,"
        f" {found.same} the same, {len(found.refused)} refused"
    )


async def _all(tools: _Tools) -> list[ChannelRecord]:
    stored = (await tools.desk.all()).values()
    return [each.record for each in stored if each.record is not None]


async def _set(tools: _Tools, source: str, channel: str, said: Said) -> ChannelRecord:
    stored = await tools.desk.get(source, channel)
    record = changed(stored.record or ChannelRecord(source=source, channel=channel), said)
    await tools.desk.put(record, stored.revision)
    await note(tools.audit, "channel-set", source=source, channel=channel)
    return record


async def _remove(tools: _Tools, source: str, channel: str) -> None:
    if not await tools.desk.remove(source, channel):
        raise NoSuchChannel(f"Nothing is said of the channel {channel!r} of {source!r}.")
    await note(tools.audit, "channel-removed", source=source, channel=channel)


def _run(work: Callable[[_Tools], Coroutine[None, None, T]]) -> T:
    async def main() -> T:
        async with operating("channels", CHANNELS) as (bus, audit):

            async def there() -> Bus:
                return bus

            return await work(_Tools(ChannelDesk(there), audit))

    return asyncio.run(main())


def _shown(record: ChannelRecord) -> dict[str, object]:
    shown = cast(dict[str, object], msgspec.to_builtins(record))
    del shown["type"]
    return shown


def _line(record: ChannelRecord) -> str:
    """A channel for people."""
    shown = _shown(record)
    place = f"{shown.pop('source')}/{shown.pop('channel')}"
    label = str(shown.pop("label", ""))
    rest = "  ".join(f"{name}={_text(value)}" for name, value in shown.items())
    return f"{place:24}  {label:16}  {rest}".rstrip()


def _text(value: object) -> str:
    text = ", ".join(cast(list[str], value)) if isinstance(value, list) else str(value)
    return text if len(text) <= 40 else text[:39] + "…"
