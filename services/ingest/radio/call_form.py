"""A call's form as it comes: the audio goes to the spool, whatever else it holds stays here."""

from collections.abc import AsyncGenerator

from services.ingest.body import too_large
from services.ingest.form_parser import FormParser, Part
from services.ingest.incoming import Incoming
from services.ingest.radio import values

TEXT_BYTES = 1024**2
"""Bytes of all text fields together; what is beyond them is dropped, and the call taken."""
PARTS = 256
OVERHEAD = TEXT_BYTES + PARTS * 1024
"""Bytes by which a form may be larger than its audio."""


class CallForm:
    """A form whose sender does not try again: as little of it as can be is refused."""

    def __init__(self, name: str, audio: Incoming, most: int) -> None:
        """`name`: the field with the audio; `most`: bytes of audio that are allowed."""
        self.audio = audio
        self.fields: dict[str, str] = {}
        self.filename = ""
        """The name that the audio came with."""
        self._audio_name = name
        self._most = most
        self._room = TEXT_BYTES
        self._name = ""
        self._value = bytearray()
        self._has_audio = False

    async def receive(self, body: AsyncGenerator[bytes, None], content_type: str) -> None:
        """Read the body to its end.

        Raises BadInput, if it is no form, TooLarge, BrokenOff, TooSlow, Full.
        """
        # Header lines are taken as they come; their text is found out below.
        parser = FormParser(content_type, PARTS, "latin-1")
        async for data in body:
            for event in parser.parse(data):
                await self._take(event)
        parser.finish()

    async def _take(self, event: Part | bytes | None) -> None:
        match event:
            case Part():
                self._begin(event)
            case None:
                self._end()
            case _ if self._name == self._audio_name:
                await self._write(event)
            case _:
                self._room -= len(event)
                if self._room >= 0:
                    self._value += event

    def _begin(self, part: Part) -> None:
        self._name = _decoded(part.name)
        self._value.clear()
        if self._name != self._audio_name:
            return
        if self._has_audio:
            self._name = ""
        else:
            self._has_audio = True
            self.filename = _decoded(part.filename)

    def _end(self) -> None:
        # Given twice, the last counts, as for rdio-scanner.
        if self._name not in ("", self._audio_name) and self._room >= 0:
            self.fields[self._name] = values.decode(bytes(self._value)).strip()

    async def _write(self, data: bytes) -> None:
        if self.audio.size + len(data) > self._most:
            raise too_large(self._most)
        await self.audio.write(data)


def _decoded(header: str) -> str:
    return values.decode(header.encode("latin-1", "replace"))
