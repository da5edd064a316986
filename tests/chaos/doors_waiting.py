"""Doors whose sender waits for the words: OpenAI's API, plain and streamed, and `?wait=`.

Some senders wait for a second and some for as long as it takes; each comes again until it has the
text. Whoever is told that the text is not there yet must be told, too, when to ask again and where
the recording is, and it is kept.
"""

import random
from dataclasses import dataclass

import httpx
import msgspec
from msgspec import Struct

from shared.client import Accepted
from shared.messages import Metadata, Transcript
from tests.chaos.clips import Clip
from tests.chaos.door import NOT_YET, Answer, House, NoAnswer, answer, fields, marked

LONGEST_WAIT = 12.0
"""Seconds for which ingest lets a caller wait."""
_SHORTEST_WAIT = 0.5
_IMPATIENT = 1.0
_PATIENT = 25.0
_OK = httpx.codes.OK.value


class _Text(Struct):
    text: str


class _Line(Struct):
    """An event of a stream; an error has an `error`."""

    type: str = ""
    delta: str = ""
    text: str = ""
    error: msgspec.Raw | None = None


@dataclass(frozen=True)
class WaitDoor:
    """The bare audio with `wait`."""

    name: str = "wait="
    waits: bool = True
    longest: float = LONGEST_WAIT
    """Seconds that a sender waits."""

    def takes(self, clip: Clip, *, words: bool) -> bool:
        """See `Door.takes`."""
        del clip, words
        return True

    def metadata(self, clip: Clip) -> Metadata:
        """See `Door.metadata`."""
        return marked(self.name, clip)

    async def send(self, house: House, clip: Clip, *, words: bool) -> Answer:
        """See `Door.send`."""
        wait = f"{random.uniform(_SHORTEST_WAIT, self.longest):.1f}"
        request = house.http.build_request(
            "POST",
            f"{house.ingest}/v1/recordings",
            params={**fields(clip, self.name, words=words), "wait": wait},
            content=clip.path.read_bytes(),
            headers={"Content-Type": "application/octet-stream"},
        )
        response = await answer(house.http, request, read=_patience())
        if response.status_code == httpx.codes.ACCEPTED.value:
            accepted = msgspec.json.decode(response.content, type=Accepted)
            return Answer(NOT_YET, accepted.id)
        if response.status_code != _OK:
            return Answer(response.status_code)
        found = msgspec.json.decode(response.content, type=Transcript)
        return Answer(_OK, found.recording, found.text)


@dataclass(frozen=True)
class SpeechDoor:
    """OpenAI's API, whose answer is the text."""

    name: str = "OpenAI"
    waits: bool = True

    def takes(self, clip: Clip, *, words: bool) -> bool:
        """See `Door.takes`."""
        del clip, words
        return True

    def metadata(self, clip: Clip) -> Metadata:
        """See `Door.metadata`."""
        return marked(self.name, clip)

    async def send(self, house: House, clip: Clip, *, words: bool) -> Answer:
        """See `Door.send`."""
        asked = {"response_format": "verbose_json", "timestamp_granularities[]": "word"}
        request = _request(house, clip, self.name, asked if words else {})
        response = await answer(house.http, request, read=_patience())
        if response.status_code != _OK:
            return _refused(self.name, response)
        text = msgspec.json.decode(response.content, type=_Text).text
        return Answer(_OK, _id_of(response), text)


@dataclass(frozen=True)
class StreamDoor:
    """OpenAI's API, whose answer comes in pieces."""

    name: str = "OpenAI, streamed"
    waits: bool = True

    def takes(self, clip: Clip, *, words: bool) -> bool:
        """See `Door.takes`."""
        del clip
        return not words  # no stream has them

    def metadata(self, clip: Clip) -> Metadata:
        """See `Door.metadata`."""
        return marked(self.name, clip)

    async def send(self, house: House, clip: Clip, *, words: bool) -> Answer:
        """See `Door.send`."""
        assert not words
        request = _request(house, clip, self.name, {"stream": "true"})
        response = await answer(house.http, request, read=_patience())
        if response.status_code != _OK:
            return _refused(self.name, response)
        lines = [
            msgspec.json.decode(line.removeprefix("data: "), type=_Line)
            for line in response.text.split("\n\n")
            if line
        ]
        return _told(self.name, _id_of(response), lines)


def _told(name: str, id: str | None, lines: list[_Line]) -> Answer:
    if not lines:
        raise NoAnswer("a stream without an event")
    last, pieces = lines[-1], [line.delta for line in lines[:-1]]
    if last.error is not None:
        return Answer(NOT_YET, id)
    if last.type != "transcript.text.done":
        return Answer(NOT_YET, id, wrong=f"{name} ended a whole stream with {last.type!r}")
    wrong = "" if "".join(pieces) == last.text else f"{name}: its pieces are not {last.text[:80]!r}"
    return Answer(_OK, id, last.text, wrong)


def _request(house: House, clip: Clip, door: str, asked: dict[str, str]) -> httpx.Request:
    return house.http.build_request(
        "POST",
        f"{house.ingest}/v1/audio/transcriptions",
        data={"model": "whisper-1", **fields(clip, door, words=False), **asked},
        files={"file": (clip.path.name, clip.path.read_bytes())},
    )


def _refused(name: str, response: httpx.Response) -> Answer:
    """What an answer without a text means: whoever is told where the recording is has sent it."""
    id, headers = _id_of(response), response.headers
    wrong = ""
    if response.status_code == NOT_YET and "retry-after" not in headers:
        wrong = f"{name} answered 503 without Retry-After"
    elif id is not None and id not in response.text:
        wrong = f"{name} does not say in words where {id} is"
    return Answer(response.status_code, id, wrong=wrong)


def _id_of(response: httpx.Response) -> str | None:
    location = response.headers.get("location", "")
    return location.rpartition("/")[2] or None


def _patience() -> float:
    """Seconds after which a sender goes away, to come again."""
    return random.choice((random.uniform(_IMPATIENT, 4.0), _PATIENT, _PATIENT))
