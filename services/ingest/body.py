"""A request's body, streamed into the spool: a multipart form or the bare audio."""

import asyncio
from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass, field

from services.ingest.form_parser import HEADER_BYTES, PARTS, FormParser, Part
from services.ingest.incoming import Incoming
from services.ingest.submission import FILE, METADATA, check_name
from shared.asgi import Receive
from shared.errors import BadInput, NotAudio, TooLarge

FIELD_BYTES = 4 * METADATA
"""Bytes of all text fields of a form together."""
FORM_OVERHEAD = FIELD_BYTES + PARTS * HEADER_BYTES
"""Bytes by which a form may be larger than its audio."""
IDLE = 60.0
"""Seconds without a byte after which an upload is given up."""

_FORM = "multipart/form-data"
_RAW = ("audio/", "video/")
_RAW_EXACT = ("", "application/octet-stream", "application/ogg")
ALLOWED_TYPES = f"{_FORM}, audio/*, video/*, application/ogg, application/octet-stream"


class BrokenOff(BadInput):
    """The upload ended before its end."""

    code = "broken-off"


class TooSlow(BadInput):
    """The upload stalled."""

    code = "too-slow"
    status = 408


async def chunks(receive: Receive, idle: float = IDLE) -> AsyncGenerator[bytes, None]:
    """The bytes of a request's body, as they come.

    Raises BrokenOff if the client went away, TooSlow if it sends nothing for `idle` seconds.
    """
    more = True
    while more:
        try:
            async with asyncio.timeout(idle):
                message = await receive()
        except TimeoutError:
            raise TooSlow(
                f"Nothing came for {idle:g} seconds.", field="body", limit=f"{idle:g} seconds"
            ) from None
        if message["type"] == "http.disconnect":
            raise BrokenOff("The upload broke off.", field="body")
        body = message.get("body")
        if isinstance(body, bytes) and body:
            yield body
        more = bool(message.get("more_body"))


def is_form(content_type: str) -> bool:
    """Whether a body is a form; else it is bare audio.

    Raises NotAudio for a type that is neither.
    """
    kind = content_type.partition(";")[0].strip().lower()
    if kind == _FORM:
        return True
    if kind in _RAW_EXACT or kind.startswith(_RAW):
        return False
    raise NotAudio(
        f"The body's Content-Type is {kind[:100]!r}; allowed are {ALLOWED_TYPES}.",
        field="Content-Type",
        limit=ALLOWED_TYPES,
    )


def check_length(headers: Mapping[str, str], most: int) -> None:
    """Raises TooLarge, before a byte is read, if the body says that it is; `most` is in bytes."""
    length = headers.get("content-length", "")
    if length.isdecimal() and int(length) > most + FORM_OVERHEAD:
        raise too_large(most)


def too_large(most: int) -> TooLarge:
    """The error for audio of more than `most` bytes."""
    return TooLarge(
        f"The audio has more than {most} bytes (ECHOBASE_MAX_UPLOAD_BYTES).",
        field=FILE,
        limit=f"{most} bytes",
    )


async def receive_raw(body: AsyncGenerator[bytes, None], audio: Incoming, most: int) -> None:
    """Write a bare audio body to the spool; `most` is in bytes.

    Raises TooLarge, BrokenOff, TooSlow, Full.
    """
    async for data in body:
        await _write(audio, data, most)


@dataclass
class Form:
    """A form as far as it has come: its audio goes to the spool, its other fields stay here."""

    audio: Incoming
    most: int
    """Bytes of audio that are allowed."""
    fields: dict[str, str] = field(default_factory=dict[str, str])
    filename: str = ""
    """The name that the part with the audio came with."""
    has_audio: bool = False
    _name: str = ""
    _value: bytearray = field(default_factory=bytearray)
    _text: int = 0

    async def take(self, event: Part | bytes | None) -> None:
        """One event of the parser: a part begins, bytes of it, its end."""
        match event:
            case Part():
                self._begin(event)
            case None:
                self._end()
            case _ if self._name == FILE:
                await _write(self.audio, event, self.most)
            case _:
                self._add(event)

    def _begin(self, part: Part) -> None:
        self._name = part.name
        self._value.clear()
        if not self._name:
            raise BadInput("A part of the form has no name.", field="body", limit="named parts")
        if self._name != FILE:
            check_name(self._name)
        elif self.has_audio:
            raise _twice(FILE)
        else:
            self.has_audio = True
            self.filename = part.filename

    def _add(self, data: bytes) -> None:
        self._text += len(data)
        if self._text > FIELD_BYTES:
            limit = f"{FIELD_BYTES} bytes for all fields together"
            raise BadInput(
                f"The form's field {self._name!r} is too long: {limit}.",
                field=self._name,
                limit=limit,
            )
        self._value += data

    def _end(self) -> None:
        if self._name == FILE:
            return
        if self._name in self.fields:
            raise _twice(self._name)
        try:
            self.fields[self._name] = self._value.decode()
        except UnicodeDecodeError:
            raise BadInput(
                f"The form's field {self._name!r} is not UTF-8.", field=self._name, limit="UTF-8"
            ) from None


async def receive_form(
    body: AsyncGenerator[bytes, None], content_type: str, audio: Incoming, most: int
) -> Form:
    """Write a form's audio to the spool, wherever in the form it stands.

    Raises TooLarge, BrokenOff, TooSlow, Full, and BadInput for anything wrong with the form.
    """
    form = Form(audio, most)
    size = 0
    parser = FormParser(content_type)
    async for data in body:
        size += len(data)
        if size > most + FORM_OVERHEAD:
            raise too_large(most)
        for event in parser.parse(data):
            await form.take(event)
    parser.finish()
    if not form.has_audio:
        raise BadInput(f"The form has no field {FILE!r} with the audio.", field=FILE)
    return form


def all_fields(query: Sequence[tuple[str, str]], form: Form | None) -> dict[str, str]:
    """A request's fields, from its query and its form. Raises BadInput for one given twice."""
    found = dict(form.fields) if form else {}
    for name, value in query:
        if name in found:
            raise _twice(name)
        found[name] = value
    if form and form.filename:
        found.setdefault("filename", form.filename)
    return found


async def _write(audio: Incoming, data: bytes, most: int) -> None:
    if audio.size + len(data) > most:
        raise too_large(most)
    await audio.write(data)


def _twice(name: str) -> BadInput:
    return BadInput(f"The field {name!r} is given twice.", field=name, limit="once")
