"""The ways by which a recording can be sent. Each new one is added to `DOORS`."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

import httpx
import msgspec

from shared import subjects
from shared.bus import Bus, Message
from shared.client import Accepted
from shared.errors import Unavailable
from shared.messages import Submission, encode
from shared.object_store import ObjectStore
from shared.settings import IngestSettings
from tests.chaos.clips import RADIO, Clip

ACCEPTED = 202
"""Of HTTP; what a message that the bus has stored counts as, too."""
_NOT_YET = 503


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


@dataclass(frozen=True)
class Answer:
    """What a sender is told."""

    status: int
    """As HTTP has it."""
    id: str | None = None
    """The recording's, if it was accepted."""


class Door(Protocol):
    """One way in."""

    @property
    def name(self) -> str:
        """For the summary."""
        ...

    async def send(self, house: House, clip: Clip, *, words: bool) -> Answer:
        """Send a clip once; `words` asks for each word's time, which makes another version.

        Raises NoAnswer.
        """
        ...


class RawDoor:
    """The bare audio as the body, the fields in the query."""

    name = "raw body"

    async def send(self, house: House, clip: Clip, *, words: bool) -> Answer:
        """See `Door.send`."""
        request = house.http.build_request(
            "POST",
            f"{house.ingest}/v1/recordings",
            params={**_fields(clip, words=words), "filename": clip.path.name},
            content=clip.path.read_bytes(),
            headers={"Content-Type": "application/octet-stream"},
        )
        return await _post(house.http, request)


class FormDoor:
    """A form with the audio as the field `file`."""

    name = "multipart form"

    async def send(self, house: House, clip: Clip, *, words: bool) -> Answer:
        """See `Door.send`."""
        request = house.http.build_request(
            "POST",
            f"{house.ingest}/v1/recordings",
            data=_fields(clip, words=words),
            files={"file": (clip.path.name, clip.path.read_bytes())},
        )
        return await _post(house.http, request)


class OrderDoor:
    """Another version of a recording that is there, or else its upload."""

    name = "order of a version"

    async def send(self, house: House, clip: Clip, *, words: bool) -> Answer:
        """See `Door.send`."""
        if not words:
            return await DOORS[0].send(house, clip, words=words)
        request = house.http.build_request(
            "POST",
            f"{house.ingest}/v1/recordings/{clip.recording}/versions",
            json={"words": True},
        )
        answer = await _post(house.http, request)
        # The recording itself may still be on its way.
        return Answer(_NOT_YET) if answer.status == httpx.codes.NOT_FOUND.value else answer


class MessageDoor:
    """A message to SUBMIT that holds the audio, or else names it."""

    name = "message with audio"

    async def send(self, house: House, clip: Clip, *, words: bool) -> Answer:
        """See `Door.send`."""
        audio = clip.path.read_bytes()
        if len(audio) > IngestSettings().submit_inline_bytes:
            return await InboxDoor().send(house, clip, words=words)
        return await _publish(house, clip, _submission(clip, words=words, audio=audio))


class InboxDoor:
    """A message to SUBMIT that names an object under `inbox/`."""

    name = "message with a reference"

    async def send(self, house: House, clip: Clip, *, words: bool) -> Answer:
        """See `Door.send`."""
        key = f"inbox/{clip.recording}-{'words' if words else 'plain'}{clip.path.suffix}"
        try:
            await house.store.put_file(key, clip.path, content_type="application/octet-stream")
        except Unavailable as error:
            raise NoAnswer(str(error)) from error
        return await _publish(house, clip, _submission(clip, words=words, object=key))


@dataclass(frozen=True)
class RecorderDoor:
    """A form as recorders send it, of a call; what is none, or asks for words, goes another way."""

    name: str
    path: str
    file: str
    """The field with the audio."""
    fields: Callable[[Clip], Mapping[str, str]]
    taken: str
    """What is answered to a call that was taken."""

    async def send(self, house: House, clip: Clip, *, words: bool) -> Answer:
        """See `Door.send`."""
        if words or not clip.is_call:
            return await DOORS[0].send(house, clip, words=words)
        audio = {self.file: ("audio.mp3", clip.path.read_bytes())}
        url, fields = f"{house.ingest}{self.path}", dict(self.fields(clip))
        request = house.http.build_request("POST", url, data=fields, files=audio)
        response = await _answer(house.http, request)
        if response.status_code != httpx.codes.OK.value or response.text != self.taken:
            return Answer(response.status_code)
        return Answer(ACCEPTED, clip.recording)


def _rdio(clip: Clip) -> Mapping[str, str]:
    return {"system": clip.source, "talkgroup": clip.channel, "dateTime": _seconds(clip)}


def _trunk_recorder(clip: Clip) -> Mapping[str, str]:
    meta = f'{{"talkgroup": {clip.channel}, "start_time": {_seconds(clip)}, "short_name": "north"}}'
    return {"system": clip.source, "meta": meta}


def _openmhz(clip: Clip) -> Mapping[str, str]:
    return {"talkgroup_num": clip.channel, "start_time": _seconds(clip), "source_list": "[]"}


def _seconds(clip: Clip) -> str:
    assert clip.start is not None
    return str(int(clip.start.timestamp()))


_IMPORTED = "Call imported successfully.\n"
DOORS: tuple[Door, ...] = (
    RawDoor(),
    FormDoor(),
    OrderDoor(),
    MessageDoor(),
    InboxDoor(),
    RecorderDoor("rdio-scanner", "/api/call-upload", "audio", _rdio, _IMPORTED),
    RecorderDoor(
        "trunk-recorder",
        "/api/trunk-recorder-call-upload",
        "audio",
        _trunk_recorder,
        _IMPORTED,
    ),
    RecorderDoor("OpenMHz", f"/openmhz/{RADIO}/upload", "call", _openmhz, ""),
)


async def _post(http: httpx.AsyncClient, request: httpx.Request) -> Answer:
    response = await _answer(http, request)
    if response.status_code != ACCEPTED:
        return Answer(response.status_code)
    accepted = msgspec.json.decode(response.content, type=Accepted)
    return Answer(response.status_code, accepted.id)


async def _answer(http: httpx.AsyncClient, request: httpx.Request) -> httpx.Response:
    try:
        return await http.send(request)
    except httpx.TransportError as error:
        raise NoAnswer(str(error)) from error


async def _publish(house: House, clip: Clip, submission: Submission) -> Answer:
    subject = subjects.submission(clip.source, clip.channel)
    try:
        await house.bus.publish(Message(subject, encode(submission)))
    except Unavailable as error:
        raise NoAnswer(str(error)) from error
    return Answer(ACCEPTED, clip.recording)


def _submission(
    clip: Clip, *, words: bool, audio: bytes | None = None, object: str | None = None
) -> Submission:
    return Submission(
        audio=audio,
        object=object,
        source=clip.source,
        channel=clip.channel,
        start=clip.start,
        words=words,
        filename=clip.path.name,
    )


def _fields(clip: Clip, *, words: bool) -> dict[str, str]:
    fields = {"source": clip.source, "channel": clip.channel}
    if clip.start is not None:
        fields["start"] = clip.start.isoformat()
    if words:
        fields["words"] = "true"
    return fields
