"""The ways by which a recording can be sent. Each new one is added to `DOORS`."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import httpx

from shared import subjects
from shared.bus import Message
from shared.errors import Unavailable
from shared.messages import Metadata, Submission, encode
from shared.settings import IngestSettings
from tests.chaos.clips import RADIO, Clip
from tests.chaos.door import (
    ACCEPTED,
    NOT_YET,
    Answer,
    Door,
    House,
    NoAnswer,
    answer,
    as_talkgroup,
    fields,
    marked,
    post,
)
from tests.chaos.doors_folder import PlainFile, SdrtrunkFile, TrunkRecorderFiles
from tests.chaos.doors_waiting import SpeechDoor, StreamDoor, WaitDoor


class RawDoor:
    """The bare audio as the body, the fields in the query."""

    name = "raw body"
    waits = False

    def takes(self, clip: Clip, *, words: bool) -> bool:
        """See `Door.takes`."""
        del clip, words
        return True

    def metadata(self, clip: Clip) -> Metadata:
        """See `Door.metadata`."""
        return marked(self.name, clip)

    async def send(self, house: House, clip: Clip, *, words: bool) -> Answer:
        """See `Door.send`."""
        request = house.http.build_request(
            "POST",
            f"{house.ingest}/v1/recordings",
            params={**fields(clip, self.name, words=words), "filename": clip.path.name},
            content=clip.path.read_bytes(),
            headers={"Content-Type": "application/octet-stream"},
        )
        return await post(house.http, request)


class FormDoor(RawDoor):
    """A form with the audio as the field `file`."""

    name = "multipart form"

    async def send(self, house: House, clip: Clip, *, words: bool) -> Answer:
        """See `Door.send`."""
        request = house.http.build_request(
            "POST",
            f"{house.ingest}/v1/recordings",
            data=fields(clip, self.name, words=words),
            files={"file": (clip.path.name, clip.path.read_bytes())},
        )
        return await post(house.http, request)


class OrderDoor(RawDoor):
    """Another version of a recording that is there."""

    name = "order of a version"

    def takes(self, clip: Clip, *, words: bool) -> bool:
        """See `Door.takes`."""
        del clip
        return words

    async def send(self, house: House, clip: Clip, *, words: bool) -> Answer:
        """See `Door.send`."""
        assert words
        request = house.http.build_request(
            "POST",
            f"{house.ingest}/v1/recordings/{clip.recording}/versions",
            json={"words": True},
        )
        said = await post(house.http, request)
        # The recording itself may still be on its way.
        return Answer(NOT_YET) if said.status == httpx.codes.NOT_FOUND.value else said


class MessageDoor(RawDoor):
    """A message to SUBMIT that holds the audio."""

    name = "message with audio"

    def takes(self, clip: Clip, *, words: bool) -> bool:
        """See `Door.takes`."""
        del words
        return clip.size <= IngestSettings().submit_inline_bytes

    async def send(self, house: House, clip: Clip, *, words: bool) -> Answer:
        """See `Door.send`."""
        audio = clip.path.read_bytes()
        return await _publish(house, clip, _submission(clip, self.name, words=words, audio=audio))


class InboxDoor(RawDoor):
    """A message to SUBMIT that names an object under `inbox/`."""

    name = "message with a reference"

    async def send(self, house: House, clip: Clip, *, words: bool) -> Answer:
        """See `Door.send`."""
        key = f"inbox/{clip.recording}-{'words' if words else 'plain'}{clip.path.suffix}"
        try:
            await house.store.put_file(key, clip.path, content_type="application/octet-stream")
        except Unavailable as error:
            raise NoAnswer(str(error)) from error
        return await _publish(house, clip, _submission(clip, self.name, words=words, object=key))


@dataclass(frozen=True)
class RecorderDoor:
    """A form as recorders send it, of a call."""

    name: str
    path: str
    file: str
    """The field with the audio."""
    fields: Callable[[Clip], Mapping[str, str]]
    taken: str
    """What is answered to a call that was taken."""
    system: Mapping[str, object]
    """What the recording's metadata says of its system."""
    waits: bool = False

    def takes(self, clip: Clip, *, words: bool) -> bool:
        """See `Door.takes`."""
        return clip.is_call and not words

    def metadata(self, clip: Clip) -> Metadata:
        """See `Door.metadata`."""
        return {**self.system, **as_talkgroup(clip)}

    async def send(self, house: House, clip: Clip, *, words: bool) -> Answer:
        """See `Door.send`."""
        assert not words
        audio = {self.file: ("audio.mp3", clip.path.read_bytes())}
        url, said = f"{house.ingest}{self.path}", dict(self.fields(clip))
        request = house.http.build_request("POST", url, data=said, files=audio)
        response = await answer(house.http, request)
        if response.status_code != httpx.codes.OK.value:
            return Answer(response.status_code)
        if response.text != self.taken:
            return Answer(NOT_YET, wrong=f"{self.name} answered 200 with {response.text[:80]!r}")
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
_NUMBER = {"system": int(RADIO)}
RAW = RawDoor()
"""Takes everything."""
WATCHED: tuple[Door, ...] = (TrunkRecorderFiles(), SdrtrunkFile(), PlainFile())
DOORS: tuple[Door, ...] = (
    RAW,
    FormDoor(),
    OrderDoor(),
    MessageDoor(),
    InboxDoor(),
    RecorderDoor("rdio-scanner", "/api/call-upload", "audio", _rdio, _IMPORTED, _NUMBER),
    RecorderDoor(
        "trunk-recorder",
        "/api/trunk-recorder-call-upload",
        "audio",
        _trunk_recorder,
        _IMPORTED,
        {**_NUMBER, "system_label": "north"},
    ),
    RecorderDoor(
        "OpenMHz", f"/openmhz/{RADIO}/upload", "call", _openmhz, "", {"system_label": RADIO}
    ),
    SpeechDoor(),
    StreamDoor(),
    WaitDoor(),
    *WATCHED,
)


def way(door: Door, clip: Clip, *, words: bool) -> Door:
    """The door, or the one that takes everything where it cannot be used."""
    return door if door.takes(clip, words=words) else RAW


async def _publish(house: House, clip: Clip, submission: Submission) -> Answer:
    subject = subjects.submission(clip.source, clip.channel)
    try:
        await house.bus.publish(Message(subject, encode(submission)))
    except Unavailable as error:
        raise NoAnswer(str(error)) from error
    return Answer(ACCEPTED, clip.recording)


def _submission(
    clip: Clip, door: str, *, words: bool, audio: bytes | None = None, object: str | None = None
) -> Submission:
    return Submission(
        audio=audio,
        object=object,
        source=clip.source,
        channel=clip.channel,
        start=clip.start,
        words=words,
        filename=clip.path.name,
        metadata=marked(door, clip),
    )
