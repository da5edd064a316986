"""`echobase keys`: API keys, made, listed and revoked.

They go straight to the bucket of keys; every service that follows it knows within a moment.
"""

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import aclosing
from datetime import UTC, datetime, timedelta
from typing import TypeVar, cast

import click
import msgspec

from shared.api_key import KeyRecord, digest, new_id, new_key
from shared.audit import Action, Audit
from shared.bus import Bus
from shared.errors import BadInput, EchoBaseError
from shared.keeping import FOREVER, read_age, seconds
from shared.key_keeper import KEY
from shared.key_value import KeyValue
from shared.keys import SCOPE_MEANING, SCOPES, Limit, Scope
from shared.operator import note, operating
from shared.topology import KEYS, SESSIONS

T = TypeVar("T")


class NoSuchKey(EchoBaseError):
    """There is no key of this id."""

    code = "no-such-key"


@click.group()
def keys() -> None:
    """Make, list and revoke API keys.

    As soon as there is one, every route asks for a key.
    """


@keys.command()
@click.argument("name")
@click.option(
    "--scope",
    "scopes",
    multiple=True,
    required=True,
    type=click.Choice(SCOPES),
    help="; ".join(f"{scope}: {meaning}" for scope, meaning in SCOPE_MEANING.items()) + ".",
)
@click.option(
    "--limit",
    "limits",
    multiple=True,
    nargs=2,
    metavar="SOURCE CHANNEL",
    help="Only recordings of these; * stands for any run of characters. May be repeated.",
)
@click.option("--expires", default=FOREVER, help="After how long it ends, such as 12h or 90d.")
@click.option("--json", "as_json", is_flag=True, help="As one JSON object.")
def add(
    name: str,
    scopes: tuple[Scope, ...],
    limits: tuple[tuple[str, str], ...],
    expires: str,
    as_json: bool,
) -> None:
    """Make a key for NAME: who or what uses it, in words.

    The key is printed now and never again: only its hash is kept.
    """
    key, now = new_key(), datetime.now(UTC)
    record = KeyRecord(
        id=new_id(),
        name=_read_name(name),
        sha256=digest(key),
        scopes=tuple(scope for scope in SCOPES if scope in scopes),
        limits=tuple(_read_limit(*each) for each in limits),
        created=now,
        expires=_read_expiry(expires, now),
    )
    _run(lambda desk: desk.put(record, None, "key-added"))
    if as_json:
        click.echo(msgspec.json.encode({"key": key, **_shown(record)}))
        return
    click.echo(f"Made the key {record.id}. It is shown this once:", err=True)
    click.echo(key)


@keys.command("list")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
def list_(as_json: bool) -> None:
    """List every key there is or was: never the key itself."""
    found = sorted(_run(lambda desk: desk.all()), key=lambda record: record.created)
    for record in found:
        click.echo(msgspec.json.encode(_shown(record)) if as_json else _line(record))
    if not found and not as_json:
        click.echo("There is no key.", err=True)


@keys.command()
@click.argument("ids", nargs=-1, required=True, metavar="ID...")
def revoke(ids: tuple[str, ...]) -> None:
    """End keys, with their sessions, tokens and open event streams."""
    for id in ids:
        record = _run(lambda desk, id=id: desk.revoke(id))
        click.echo(f"Revoked {record.id} ({record.name}).")


class Desk:
    """The bucket of keys, as the commands use it."""

    def __init__(self, bus: Bus, audit: Audit) -> None:
        self._keys = KeyValue(bus, KEYS)
        self._audit = audit

    async def all(self) -> list[KeyRecord]:
        """Every key's record. Raises BusUnavailable."""
        async with aclosing(self._keys.watch()) as contents:
            entries = await anext(contents)
        found = [value.data for name, value in entries.items() if name.startswith(KEY)]
        return [msgspec.json.decode(each, type=KeyRecord) for each in found]

    async def put(self, record: KeyRecord, revision: int | None, action: Action) -> None:
        """Store a key's record, and note that. Raises FenceLost, BusUnavailable."""
        await self._keys.put(f"{KEY}{record.id}", msgspec.json.encode(record), revision)
        await note(self._audit, action, id=record.id, name=record.name)

    async def revoke(self, id: str) -> KeyRecord:
        """Revoke a key; nothing changes if it was. Raises NoSuchKey, BusUnavailable."""
        found = await self._keys.get(f"{KEY}{_read_id(id)}")
        if found is None:
            raise NoSuchKey(f"There is no key {id!r}; `echobase keys list` shows all.")
        record = msgspec.json.decode(found.data, type=KeyRecord)
        if record.revoked is None:
            record = msgspec.structs.replace(record, revoked=datetime.now(UTC))
            await self.put(record, found.revision, "key-revoked")
        return record


def _run(work: Callable[[Desk], Coroutine[None, None, T]]) -> T:
    async def main() -> T:
        async with operating("keys", KEYS, SESSIONS) as (bus, audit):
            return await work(Desk(bus, audit))

    return asyncio.run(main())


def state(record: KeyRecord, now: datetime) -> str:
    """How a key stands, in a word."""
    if record.revoked:
        return "revoked"
    return "expired" if record.expires and record.expires <= now else "active"


def _shown(record: KeyRecord) -> dict[str, object]:
    shown = cast(dict[str, object], msgspec.to_builtins(record))
    del shown["sha256"]
    return {**shown, "state": state(record, datetime.now(UTC))}


def _line(record: KeyRecord) -> str:
    limits = " ".join(f"{limit.source}/{limit.channel}" for limit in record.limits) or "everything"
    until = f"until {record.expires:%Y-%m-%d %H:%M}Z" if record.expires else "no end"
    stands = state(record, datetime.now(UTC))
    scopes = ",".join(record.scopes)
    return f"{record.id}  {stands:7}  {scopes:17}  {limits}  {until}  {record.name}"


def _read_name(name: str) -> str:
    if not 0 < len(name) <= 100 or not name.isprintable():
        raise click.BadParameter("1 to 100 characters, on one line")
    return name


def _read_limit(source: str, channel: str) -> Limit:
    try:
        return msgspec.convert({"source": source, "channel": channel}, Limit)
    except msgspec.ValidationError as error:
        raise click.BadParameter(str(error)) from None


def _read_expiry(age: str, now: datetime) -> datetime | None:
    try:
        lasting = seconds(read_age(age))
    except ValueError as error:
        raise click.BadParameter(str(error)) from None
    return now + timedelta(seconds=lasting) if lasting else None


def _read_id(id: str) -> str:
    if not id.isascii() or not id.isalnum() or len(id) > 32:
        raise BadInput(f"not a key's id: {id[:80]!r}", field="ID")
    return id
