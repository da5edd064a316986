"""`echobase webhooks`: receivers, added, tried, switched on, given new secrets and removed.

They go straight to the bucket of receivers; every stream service knows within a second.
"""

import asyncio
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime
from typing import TypeVar, cast
from uuid import uuid4

import click
import httpx
import msgspec

from services.stream.webhooks import content
from services.stream.webhooks.address import Allowed, allowed, choose, read_url
from services.stream.webhooks.desk import Desk
from services.stream.webhooks.posting import Answer, Poster
from services.stream.webhooks.receiver import (
    TYPES,
    Receiver,
    check,
    new_id,
    new_secret,
)
from services.stream.webhooks.resolver import Resolver
from shared import settings
from shared.errors import BadInput
from shared.operator import operating
from shared.settings_webhooks import WebhookSettings
from shared.topology import RECEIVERS, WEBHOOKS

T = TypeVar("T")
_MOST_SECRETS = 4


@click.group()
def webhooks() -> None:
    """Have `completed` and `failed` posted to programs of yours, signed."""


@webhooks.command()
@click.argument("url")
@click.option("--name", default="", help="What it is, in words.")
@click.option("--source", "sources", multiple=True, help="Only of this source; * as in filters.")
@click.option("--channel", "channels", multiple=True, help="Only of this channel; likewise.")
@click.option("--type", "types", multiple=True, type=click.Choice(TYPES), help="Both if absent.")
@click.option("--filter", "filters", multiple=True, help="As in the query of GET /v1/events.")
@click.option("--json", "as_json", is_flag=True, help="As one JSON object.")
def add(
    url: str,
    name: str,
    sources: tuple[str, ...],
    channels: tuple[str, ...],
    types: tuple[str, ...],
    filters: tuple[str, ...],
    as_json: bool,
) -> None:
    """Post to URL from now on.

    The secret by which the receiver verifies what it gets is printed now and never again.
    """
    if len(name) > 100 or not name.isprintable():
        raise click.BadParameter("at most 100 characters, on one line", param_hint="--name")
    named = {"source": sources, "channel": channels, "type": types, "filter": filters}
    pairs = tuple((key, value) for key, values in named.items() for value in values)
    receiver = Receiver(
        id=new_id(),
        url=url,
        secrets=(new_secret(),),
        filters=check(pairs),
        name=name,
        created=datetime.now(UTC),
    )
    _run(lambda desk: _add(desk, receiver))
    _tell(f"Added the webhook {receiver.id}.", receiver, as_json)


@webhooks.command("list")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
def list_(as_json: bool) -> None:
    """List every receiver, and how much waits for it: never a secret."""
    found = _run(lambda desk: desk.waiting())
    for receiver, waiting in sorted(found, key=lambda each: each[0].created):
        if as_json:
            click.echo(msgspec.json.encode({**_shown(receiver), "waiting": waiting}))
        else:
            click.echo(_line(receiver, waiting))
    if not found and not as_json:
        click.echo("There is no webhook.", err=True)


@webhooks.command()
@click.argument("ids", nargs=-1, required=True, metavar="ID...")
def remove(ids: tuple[str, ...]) -> None:
    """Post nothing more to receivers, and drop what waits for them."""
    for id in ids:
        dropped = _run(lambda desk, id=id: desk.remove(id))
        click.echo(f"Removed {id}; {dropped} events that waited were dropped.")


@webhooks.command()
@click.argument("id")
def test(id: str) -> None:
    """Post a `test` to a receiver from here, and say what it answered."""
    receiver = _run(lambda desk: desk.get(id))
    answer = asyncio.run(_try(receiver))
    click.echo(f"{answer} ({answer.seconds:.2f} s)")
    if not answer.good:
        raise click.exceptions.Exit(1)


@webhooks.command()
@click.argument("id")
@click.option("--finish", is_flag=True, help="Sign with the newest secret alone.")
@click.option("--json", "as_json", is_flag=True, help="As one JSON object.")
def rotate(id: str, finish: bool, as_json: bool) -> None:
    """Give a receiver a new secret: both sign, until --finish."""

    def change(receiver: Receiver) -> Receiver:
        kept = () if finish else (new_secret(),)
        given = (*kept, *receiver.secrets)[: 1 if finish else _MOST_SECRETS]
        return msgspec.structs.replace(receiver, secrets=given)

    receiver = _run(lambda desk: desk.change(id, change))
    if finish:
        click.echo(f"What is posted to {id} is signed with the newest secret alone.")
    else:
        _tell(f"What is posted to {id} is signed with a new secret too.", receiver, as_json)


@webhooks.command()
@click.argument("id")
def enable(id: str) -> None:
    """Switch a receiver on again that answered 410: what waited for it then is posted."""
    _run(
        lambda desk: desk.change(
            id, lambda receiver: msgspec.structs.replace(receiver, ended=None, why="")
        )
    )
    click.echo(f"Switched {id} on.")


async def _add(desk: Desk, receiver: Receiver) -> None:
    await _check_address(receiver.url, _allowed())
    await desk.add(receiver)


async def _check_address(url: str, permitted: Allowed) -> None:
    """Raises BadInput, AddressRefused."""
    target = read_url(url)
    try:
        found = await Resolver()(target.host, target.port)
    except OSError:
        raise BadInput(f"{target.host} is not known here", field="URL") from None
    choose(target, found, permitted)


async def _try(receiver: Receiver) -> Answer:
    given = settings.load(WebhookSettings, settings.environment())
    now = datetime.now(UTC).isoformat().replace("+00:00", "Z")
    body = content.trial_body(receiver.id, now)
    return await Poster(allowed(given), given.webhook_timeout).post(receiver, uuid4().hex, body)


def _allowed() -> Allowed:
    return allowed(settings.load(WebhookSettings, settings.environment()))


def _run(work: Callable[[Desk], Coroutine[None, None, T]]) -> T:
    async def main() -> T:
        async with operating("webhooks", RECEIVERS, WEBHOOKS) as (bus, audit):
            return await work(Desk(bus, audit))

    return asyncio.run(main())


def _tell(line: str, receiver: Receiver, as_json: bool) -> None:
    if as_json:
        click.echo(msgspec.json.encode({"secret": receiver.secrets[0], **_shown(receiver)}))
        return
    click.echo(f"{line} Its secret is shown this once:", err=True)
    click.echo(receiver.secrets[0])


def _shown(receiver: Receiver) -> dict[str, object]:
    shown = cast(dict[str, object], msgspec.to_builtins(receiver))
    del shown["secrets"]
    return {
        **shown,
        "url": _without_query(receiver.url),
        "secrets": len(receiver.secrets),
        "state": "on" if receiver.ended is None else "off",
    }


def _line(receiver: Receiver, waiting: int) -> str:
    state = "on" if receiver.ended is None else f"off: {receiver.why}"
    filters = " ".join(f"{name}={value}" for name, value in receiver.filters) or "everything"
    where = _without_query(receiver.url)
    return f"{receiver.id}  {state}  {waiting} waiting  {filters}  {where}  {receiver.name}"


def _without_query(url: str) -> str:
    """A query often holds a token."""
    return str(httpx.URL(url).copy_with(query=b"...")) if "?" in url else url
