"""A way by which a recording can be sent, and what its sender is told."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import httpx
import msgspec

from shared.bus import Bus
from shared.client import Accepted
from shared.messages import Metadata
from shared.object_store import ObjectStore
from tests.chaos.clips import Clip

ACCEPTED = 202
"""Of HTTP; what a message that the bus has stored counts as, and a file that was written, too."""
NOT_YET = 503


class NoAnswer(Exception):
    """It is not known whether the recording was taken."""


@dataclass(frozen=True)
class House:
    """What the doors lead into."""

    http: httpx.AsyncClient
    ingest: str
    """Address of the service."""
    bus: Bus
    store: ObjectStore
    folder: Path
    """That is watched."""


@dataclass(frozen=True)
class Answer:
    """What a sender is told."""

    status: int
    """As HTTP has it; `NOT_YET` if it should send the same again."""
    id: str | None = None
    """The recording's, if it was accepted, whatever the status."""
    text: str | None = None
    """What was said in it, if the sender waited for that."""
    wrong: str = ""
    """What is wrong with the answer itself."""


class Door(Protocol):
    """One way in."""

    @property
    def name(self) -> str:
        """For the summary."""
        ...

    @property
    def waits(self) -> bool:
        """Whether the sender waits for the text."""
        ...

    def takes(self, clip: Clip, *, words: bool) -> bool:
        """Whether it can be used for the clip; `words` asks for each word's time, which makes
        another version."""
        ...

    def metadata(self, clip: Clip) -> Metadata:
        """What the recording's metadata must hold if it came this way."""
        ...

    async def send(self, house: House, clip: Clip, *, words: bool) -> Answer:
        """Send a clip once. Raises NoAnswer."""
        ...


def marked(door: str, clip: Clip) -> Metadata:
    """Metadata that tells which way a recording came."""
    return {"door": door, "file": clip.path.name}


def fields(clip: Clip, door: str, *, words: bool) -> dict[str, str]:
    """The fields of an upload."""
    found = {
        "source": clip.source,
        "channel": clip.channel,
        "metadata": msgspec.json.encode(marked(door, clip)).decode(),
    }
    if clip.start is not None:
        found["start"] = clip.start.isoformat()
    if words:
        found["words"] = "true"
    return found


async def answer(
    http: httpx.AsyncClient, request: httpx.Request, *, read: float | None = None
) -> httpx.Response:
    """What is answered, within so many seconds. Raises NoAnswer."""
    if read is not None:
        request.extensions["timeout"] = httpx.Timeout(30.0, read=read).as_dict()
    try:
        return await http.send(request)
    except httpx.TransportError as error:
        raise NoAnswer(str(error)) from error


async def post(http: httpx.AsyncClient, request: httpx.Request) -> Answer:
    """What the API answers to an upload. Raises NoAnswer."""
    response = await answer(http, request)
    if response.status_code != ACCEPTED:
        return Answer(response.status_code)
    accepted = msgspec.json.decode(response.content, type=Accepted)
    return Answer(response.status_code, accepted.id)


def as_talkgroup(clip: Clip) -> Mapping[str, object]:
    """What every recorder says of a call."""
    return {"talkgroup": int(clip.channel)}
