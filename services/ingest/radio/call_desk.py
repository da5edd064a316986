"""What every call goes through, whichever door it came by: form to disk, key, checks, spool."""

from dataclasses import dataclass
from typing import Protocol

from litestar import Request
from litestar.datastructures import Headers, State

from services.ingest.body import chunks, too_large
from services.ingest.entry import Held
from services.ingest.forwarder import Forwarder
from services.ingest.measures import Measures
from services.ingest.radio.call import Call
from services.ingest.radio.call_form import OVERHEAD, CallForm
from services.ingest.radio.replies import Reply
from services.ingest.reception import Reception
from shared.errors import BadInput, Forbidden, Unauthorized
from shared.http.auth import Gate
from shared.keys import Credential, Scope, allowed, matches

INGEST: tuple[Scope, ...] = ("ingest",)
_ROOM = 1024**2
"""Bytes that must be free for a sender to be told that all is well."""


class Door(Protocol):
    """One protocol."""

    audio: str
    """The form's field with the audio."""
    key: str
    """The form's field with the key."""

    def read(self, form: CallForm) -> Call:
        """What a form says. Raises Reply."""
        ...

    def stranger(self, call: Call) -> Reply:
        """What is answered to a key that is missing or wrong."""
        ...

    def out_of_reach(self, call: Call, *, system: bool) -> Reply:
        """What is answered to a key that does not reach the call's `system`, or its talkgroup."""
        ...

    def incomplete(self, call: Call, form: CallForm) -> Reply | None:
        """What is answered to a call that cannot be taken, such as a probe; None if it can be."""
        ...

    def malformed(self, error: BadInput) -> Exception:
        """What is answered to a body that is no form."""
        ...


@dataclass(frozen=True)
class CallDesk:
    """Where calls are taken in."""

    reception: Reception
    forwarder: Forwarder
    measures: Measures
    gate: Gate

    async def take(self, request: Request[object, object, State], door: Door) -> None:
        """Accept a call, durably; one that is there already too.

        Raises Reply, or as `Reception.take`; then nothing is left of it.
        """
        with self.measures.upload() as outcome:
            held, new = await self._take(request, door)
            outcome.taken(held, new)
        if new:
            self.forwarder.add(held)

    async def _take(self, request: Request[object, object, State], door: Door) -> tuple[Held, bool]:
        most, length = self.reception.max_bytes, request.headers.get("content-length", "")
        announced = int(length) if length.isdecimal() else 0
        if announced > most + OVERHEAD:
            raise too_large(most)
        async with self.reception.spool.receive() as audio:
            await audio.reserve(min(announced, most))
            form = CallForm(door.audio, audio, most)
            try:
                content_type = request.headers.get("content-type", "")
                await form.receive(chunks(request.receive), content_type)
            except BadInput as error:
                raise (door.malformed(error) if type(error) is BadInput else error) from error
            call = door.read(form)
            self._admit(request.headers, door, form, call)
            if refused := door.incomplete(call, form):
                # While there is no room, a sender that asks first keeps its calls.
                await audio.reserve(_ROOM)
                raise refused
            return await self.reception.accept(audio, call.description())

    def _admit(self, headers: Headers, door: Door, form: CallForm, call: Call) -> None:
        """Raises the door's Reply unless the key is right, and reaches the call."""
        try:
            credential = self.gate.admit(headers, form.fields.get(door.key, ""), INGEST)
        except (Unauthorized, Forbidden):
            raise door.stranger(call) from None
        if call.source and not reaches(credential, call.source):
            raise door.out_of_reach(call, system=True)
        if call.channel and not allowed(credential, call.source, call.channel):
            raise door.out_of_reach(call, system=False)


def reaches(credential: Credential, source: str) -> bool:
    """Whether a key reaches anything of a source."""
    limits = credential.limits
    return not limits or any(matches(limit.source, source) for limit in limits)
