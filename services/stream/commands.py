"""`echobase follow`: events on the terminal, as they happen."""

import asyncio
import contextlib

import click

from shared import settings
from shared.client import Client, Gap
from shared.display import line
from shared.messages import EVENT_TYPES, encode
from shared.stack import addresses
from shared.terminal import console as make_console


@click.command()
@click.option("--recording", multiple=True, help="Only this recording, from its first event on.")
@click.option("--source", multiple=True, help="Only what this source recorded.")
@click.option("--channel", multiple=True, help="Only this stream of a source.")
@click.option("--type", "type_", multiple=True, type=click.Choice(EVENT_TYPES))
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line, as stored.")
def follow(
    recording: tuple[str, ...],
    source: tuple[str, ...],
    channel: tuple[str, ...],
    type_: tuple[str, ...],
    as_json: bool,
) -> None:
    """Print events as they happen, until Ctrl-C; each option may be repeated."""
    given = {"recording": recording, "source": source, "channel": channel, "type": type_}
    filters = {name: list(values) for name, values in given.items() if values}
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_follow(filters, as_json))


async def _follow(filters: dict[str, list[str]], as_json: bool) -> None:
    console = make_console()
    async with Client(addresses(settings.environment())) as client:
        # One request first: a wrong address or key is said at once, instead of being waited out.
        await client.get_json("/v1/status", dict[str, object])
        async for event in client.follow(filters):
            if not as_json:
                console.print(line(event))
            elif isinstance(event, Gap):
                click.echo(f"gap: {event.reason}", err=True)
            else:
                click.echo(encode(event))
