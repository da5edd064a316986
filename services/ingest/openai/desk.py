"""What a request of OpenAI's clients goes through: kept first, then followed to its words."""

import logging
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass

from litestar import Request, Response
from litestar.datastructures import State
from litestar.response import Stream

from services.ingest.body import check_length, chunks
from services.ingest.entry import Held
from services.ingest.forwarder import Forwarder
from services.ingest.measures import Measures
from services.ingest.openai.answers import Done, body, delta, line
from services.ingest.openai.asked import Asked, Task, read
from services.ingest.openai.errors import ErrorAnswer, Postponed, view
from services.ingest.openai.form import SpeechForm
from services.ingest.openai.models import Offer
from services.ingest.reception import Reception, announced, check_channel
from services.ingest.recordings import Links
from services.ingest.waiting import Told, Waiting, while_there
from shared.errors import BadInput, EchoBaseError, Unavailable
from shared.keys import Credential
from shared.messages import Transcript

FORM = "multipart/form-data"
_STREAM_HEADERS = {
    "Cache-Control": "no-store",
    # nginx would otherwise hold events back until its buffer is full.
    "X-Accel-Buffering": "no",
}
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class SpeechDesk:
    """Where speech is taken in, and its words are given out."""

    reception: Reception
    forwarder: Forwarder
    measures: Measures
    waiting: Waiting
    offer: Offer
    links: Links

    async def serve(
        self, request: Request[object, object, State], task: Task, credential: Credential
    ) -> Response[bytes] | Stream:
        """The answer to a request.

        Raises BadInput, Full; Postponed, VersionFailed, Erased once the recording is kept.
        """
        with self.measures.upload() as outcome:
            asked, held, new = await self._take(request, task, credential)
            outcome.taken(held, new)
        if new:
            self.forwarder.add(held)
        address = self.links.recording(held.entry.recording.id)
        try:
            if asked.stream:
                return await self._stream(request, held, address)
            wait = self.waiting.longest
            transcript = await self.waiting.transcript(held, wait, request.receive)
        except Unavailable as error:
            raise Postponed(error, address) from error
        content, media_type = body(asked, transcript)
        return Response(content, media_type=media_type, headers={"Location": address})

    async def _take(
        self, request: Request[object, object, State], task: Task, credential: Credential
    ) -> tuple[Asked, Held, bool]:
        content_type = request.headers.get("content-type", "")
        if content_type.partition(";")[0].strip().lower() != FORM:
            raise BadInput(f"The body must be {FORM}.", field="Content-Type", limit=FORM)
        most = self.reception.max_bytes
        check_length(request.headers, most)
        async with self.reception.spool.receive() as audio:
            await audio.reserve(announced(request.headers, most))
            form = SpeechForm(audio, most)
            await form.receive(chunks(request.receive), content_type)
            asked = read(form.fields, task, form.filename)
            check_channel(credential, asked.said.source, asked.said.channel)
            if asked.model is not None:
                await self.offer.check(asked.model)
            return asked, *await self.reception.accept(audio, asked.said)

    async def _stream(
        self, request: Request[object, object, State], held: Held, address: str
    ) -> Stream:
        """A stream that begins with the first words: what fails before is an error of its own."""
        told = self.waiting.follow(held, self.waiting.longest)
        try:
            first = await while_there(request.receive, _next(told))
        except BaseException:
            await told.aclose()
            raise
        return Stream(
            _events(first, told, address),
            media_type="text/event-stream",
            headers={**_STREAM_HEADERS, "Location": address},
        )


async def _next(told: AsyncGenerator[Told]) -> Told:
    return await anext(told)


async def _events(first: Told, told: AsyncGenerator[Told], address: str) -> AsyncGenerator[bytes]:
    try:
        async with aclosing(told):
            sent, each = 0, first
            while not isinstance(each, Transcript):
                sent = each.index + 1
                yield line(delta(each))
                each = await anext(told)
            for segment in each.segments[sent:]:
                yield line(delta(segment))
            yield line(Done(text=each.text))
    except Exception as error:  # noqa: BLE001 - an answer that has begun can only say so
        if not isinstance(error, EchoBaseError):
            _log.exception("a stream broke off", exc_info=error)
        said = Postponed(error, address) if isinstance(error, Unavailable) else error
        yield line(ErrorAnswer(error=view(said)[1]))
