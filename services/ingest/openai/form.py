"""A form of OpenAI's clients as it comes: the audio goes to the spool, the rest stays here."""

from collections.abc import AsyncGenerator

from services.ingest.body import FIELD_BYTES, FORM_OVERHEAD, too_large
from services.ingest.form_parser import FormParser, Part
from services.ingest.incoming import Incoming
from services.ingest.openai.asked import parameter
from services.ingest.openai.errors import MissingParameter
from services.ingest.submission import FILE
from shared.errors import BadInput


class SpeechForm:
    """The form of one request."""

    def __init__(self, audio: Incoming, most: int) -> None:
        """`most`: bytes of audio that are allowed."""
        self.fields: dict[str, list[str]] = {}
        """What each parameter was given, by its name without brackets."""
        self.filename = ""
        self._audio = audio
        self._most = most
        self._name = ""
        self._value = bytearray()
        self._text = 0
        self._has_audio = False

    async def receive(self, body: AsyncGenerator[bytes, None], content_type: str) -> None:
        """Read the body to its end.

        Raises BadInput, which names the parameter, TooLarge, BrokenOff, TooSlow, Full.
        """
        size, parser = 0, FormParser(content_type)
        async for data in body:
            size += len(data)
            if size > self._most + FORM_OVERHEAD:
                raise too_large(self._most)
            for event in parser.parse(data):
                await self._take(event)
        parser.finish()
        if not self._has_audio:
            raise MissingParameter(
                "You must provide the audio as the parameter 'file'.", field=FILE
            )

    async def _take(self, event: Part | bytes | None) -> None:
        match event:
            case Part():
                self._begin(event)
            case None:
                self._end()
            case _ if self._name == FILE:
                if self._audio.size + len(event) > self._most:
                    raise too_large(self._most)
                await self._audio.write(event)
            case _:
                self._add(event)

    def _begin(self, part: Part) -> None:
        self._name = parameter(part.name)
        self._value.clear()
        if self._name != FILE:
            return
        if self._has_audio:
            raise BadInput("The parameter 'file' is given twice.", field=FILE, limit="once")
        self._has_audio = True
        self.filename = part.filename

    def _add(self, data: bytes) -> None:
        self._text += len(data)
        if self._text > FIELD_BYTES:
            limit = f"{FIELD_BYTES} bytes for all parameters together"
            raise BadInput(
                f"The parameter {self._name!r} is too long: {limit}.", field=self._name, limit=limit
            )
        self._value += data

    def _end(self) -> None:
        if self._name == FILE:
            return
        try:
            self.fields.setdefault(self._name, []).append(self._value.decode())
        except UnicodeDecodeError:
            raise BadInput(
                f"The parameter {self._name!r} is not UTF-8.", field=self._name, limit="UTF-8"
            ) from None
