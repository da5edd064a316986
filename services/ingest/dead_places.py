"""The two places where what cannot succeed is kept: the stream DEAD, and ingest's own spool."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Annotated, Literal, Protocol
from urllib.parse import quote

import msgspec
from msgspec import Meta, Struct

from services.ingest import dead_letters, dead_replay
from services.ingest.dead_letters import Letter
from shared.bus import Bus
from shared.client import Client, Refused
from shared.errors import EchoBaseError
from shared.messages import Job

REFUSED = "/v1/spool/refused"


class NoSuchItem(EchoBaseError):
    """Nothing is kept under this id."""

    code = "no-such-item"


class Item(Struct, frozen=True, kw_only=True):
    """What could not succeed, as the commands show it."""

    id: Annotated[str, Meta(description="By which people name it")]
    place: Annotated[Literal["dead", "spool"], Meta(description="Where it is kept")]
    service: Annotated[str, Meta(description="Who gave it up")]
    time: Annotated[str, Meta(description="When it was given up, RFC 3339")]
    code: Annotated[str, Meta(description="Why, as a word for programs")]
    reason: Annotated[str, Meta(description="Why, as a sentence for people")]
    recording: Annotated[str | None, Meta(description="Recording id, if it is of one")] = None
    version: Annotated[int | None, Meta(description="Version number, if it is of one")] = None
    source: Annotated[str | None, Meta(description="Who recorded it")] = None
    channel: Annotated[str | None, Meta(description="Which stream of the source")] = None


class Detail(Struct, frozen=True, kw_only=True):
    """An item, and what it was."""

    item: Annotated[Item, Meta(description="What could not succeed")]
    subject: Annotated[str, Meta(description="Subject of the original message")] = ""
    headers: Annotated[Mapping[str, str], Meta(description="Of the original message")] = {}
    payload: Annotated[
        object, Meta(description="Of the original message: its JSON, or its text if it is none")
    ] = None


class _Entry(Struct):
    """What ingest says of a refused recording; see `services.ingest.refusals`."""

    key: str
    code: str
    reason: str
    time: str
    recording: str | None
    source: str | None
    channel: str | None


class _Entries(Struct):
    entries: list[_Entry]


class Place(Protocol):
    """One of them. Every method may raise Unavailable, Refused or Unreachable."""

    async def items(self) -> list[Item]:
        """Everything that is kept here."""
        ...

    async def show(self, id: str) -> Detail:
        """One of them. Raises NoSuchItem."""
        ...

    async def replay(self, id: str) -> str:
        """Have one done again; returns what came of it. Raises NoSuchItem, CannotSucceed."""
        ...

    async def drop(self, id: str) -> None:
        """Remove one. Raises NoSuchItem."""
        ...


class DeadStream:
    """The dead letters; an id is a sequence in DEAD."""

    def __init__(self, bus: Bus, connected: Callable[[], Awaitable[None]]) -> None:
        """`connected` waits for the bus, and raises BusUnavailable if it does not come."""
        self._bus = bus
        self._connected = connected

    async def items(self) -> list[Item]:
        """See `Place.items`."""
        await self._connected()
        return [_of_letter(letter) for letter in await dead_letters.letters(self._bus)]

    async def show(self, id: str) -> Detail:
        """See `Place.show`."""
        letter = await self._letter(id)
        return Detail(
            item=_of_letter(letter),
            subject=letter.subject,
            headers=letter.headers,
            payload=_readable(letter.data),
        )

    async def replay(self, id: str) -> str:
        """See `Place.replay`."""
        return await dead_replay.replay(self._bus, await self._letter(id))

    async def drop(self, id: str) -> None:
        """See `Place.drop`."""
        await dead_replay.drop(self._bus, await self._letter(id))

    async def _letter(self, id: str) -> Letter:
        await self._connected()
        letter = await dead_letters.letter(self._bus, int(id))
        if letter is None:
            raise NoSuchItem(f"there is no dead letter {id}")
        return letter


class RefusedSpool:
    """The recordings that the store refuses, on ingest's disk; an id is an entry's key."""

    def __init__(self, client: Client) -> None:
        self._client = client

    async def items(self) -> list[Item]:
        """See `Place.items`."""
        found = await self._client.ingest("GET", REFUSED, _Entries)
        return [_of_entry(entry) for entry in found.entries]

    async def show(self, id: str) -> Detail:
        """See `Place.show`."""
        for item in await self.items():
            if item.id == id:
                return Detail(item=item)
        raise NoSuchItem(f"ingest's spool holds no refused entry {id}")

    async def replay(self, id: str) -> str:
        """See `Place.replay`."""
        await self._call("POST", f"{REFUSED}/{quote(id, safe='')}/retry")
        return "replayed"

    async def drop(self, id: str) -> None:
        """See `Place.drop`."""
        await self._call("DELETE", f"{REFUSED}/{quote(id, safe='')}")

    async def _call(self, method: str, path: str) -> None:
        try:
            await self._client.ingest(method, path, object)
        except Refused as refusal:
            if refusal.status == 404:
                raise NoSuchItem(str(refusal)) from refusal
            raise


def _of_letter(letter: Letter) -> Item:
    job: Job | None = letter.job
    return Item(
        id=str(letter.sequence),
        place="dead",
        service=letter.service,
        time=letter.time,
        code=letter.code,
        reason=letter.reason,
        recording=job and job.recording,
        version=job and job.version,
        source=job and job.source,
        channel=job and job.channel,
    )


def _of_entry(entry: _Entry) -> Item:
    return Item(
        id=entry.key,
        place="spool",
        service="ingest",
        time=entry.time,
        code=entry.code,
        reason=entry.reason,
        recording=entry.recording,
        source=entry.source,
        channel=entry.channel,
    )


def _readable(data: bytes) -> object:
    try:
        return msgspec.json.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return data.decode(errors="backslashreplace")
