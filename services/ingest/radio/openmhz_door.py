"""`POST /openmhz/{shortName}/upload` and `…/authorize`: OpenMHz', as both recorders send to it."""

from pathlib import PurePosixPath
from urllib.parse import parse_qs

from litestar import Request, Response, post
from litestar.datastructures import State
from litestar.di import NamedDependency

from services.ingest.body import chunks
from services.ingest.radio import openmhz_fields
from services.ingest.radio.call import Call
from services.ingest.radio.call_desk import INGEST, CallDesk, reaches
from services.ingest.radio.call_form import CallForm
from services.ingest.radio.door_docs import (
    AUTHORIZE_REPLIES,
    OPENMHZ_REPLIES,
    AuthorizeOperation,
    OpenMhzOperation,
)
from services.ingest.radio.replies import IN_TEXT, Reply, described, say
from services.ingest.submission import FIELDS
from shared.errors import BadInput, Forbidden, TooLarge, Unauthorized
from shared.http.auth import KEY_INSIDE, require
from shared.http.ratelimit import UNLIMITED

SHORT_NAME = "shortName"
_SUFFIXES = (".m4a", ".mp3")
_MOST = 64 * 1024
"""Bytes of a body that asks whether a key is right."""


class OpenMhzDoor:
    """Its fields, and its words."""

    audio = openmhz_fields.AUDIO
    key = openmhz_fields.KEY

    def __init__(self, short_name: str) -> None:
        """The system's name, of the path."""
        self._short_name = short_name

    def read(self, form: CallForm) -> Call:
        """See `Door.read`."""
        try:
            name = FIELDS["source"].read(self._short_name)
        except ValueError:
            raise self._unknown() from None
        return openmhz_fields.read(str(name), form.fields, form.filename)

    def stranger(self, call: Call) -> Reply:  # noqa: ARG002 - the words are the same for all
        """See `Door.stranger`."""
        return Reply(500, "API Keys do not match!\n")

    def out_of_reach(self, call: Call, *, system: bool) -> Reply:  # noqa: ARG002 - named by path
        """See `Door.out_of_reach`."""
        return self._unknown() if system else Reply(500, "Talkgroup does not exist, skipping.\n")

    def incomplete(self, call: Call, form: CallForm) -> Reply | None:  # noqa: ARG002 - the file's
        """See `Door.incomplete`."""
        named = PurePosixPath(form.filename.lower()).suffix in _SUFFIXES
        return None if named and form.audio.size else Reply(500, "Error, invalid filename:\n")

    def malformed(self, error: BadInput) -> Exception:
        """See `Door.malformed`."""
        return error

    def _unknown(self) -> Reply:
        return Reply(500, f"ShortName does not exist: {self._short_name}\n")


@post(
    f"/openmhz/{{{SHORT_NAME}:str}}/upload",
    status_code=200,
    summary="Send a call, as to OpenMHz",
    tags=["radio"],
    opt={**require(*INGEST), KEY_INSIDE: True, UNLIMITED: True},
    operation_class=OpenMhzOperation,
    # The spool's own limits hold while the body is streamed.
    request_max_body_size=None,
    exception_handlers=IN_TEXT,
    responses=described(OPENMHZ_REPLIES),
)
async def upload_openmhz_call(
    request: Request[object, object, State], calls: NamedDependency[CallDesk]
) -> Response[str]:
    """Take a call in as OpenMHz does: what SDRTrunk and trunk-recorder are set to.

    The answer, which is empty, comes as soon as the call is safe on this node's disk, also for one
    that is there already. The short name becomes the recording's source, the talkgroup its channel.
    """
    await calls.take(request, OpenMhzDoor(request.path_params[SHORT_NAME]))
    return say("")


@post(
    f"/openmhz/{{{SHORT_NAME}:str}}/authorize",
    status_code=200,
    summary="Ask whether a key may send calls, as of OpenMHz",
    tags=["radio"],
    opt={**require(*INGEST), KEY_INSIDE: True, UNLIMITED: True},
    operation_class=AuthorizeOperation,
    request_max_body_size=None,
    exception_handlers=IN_TEXT,
    responses=described(AUTHORIZE_REPLIES),
)
async def authorize_openmhz(
    request: Request[object, object, State], calls: NamedDependency[CallDesk]
) -> Response[str]:
    """Say whether a key may send calls of a system: SDRTrunk asks before it sends any."""
    body = bytearray()
    async for data in chunks(request.receive):
        body += data
        if len(body) > _MOST:
            limit = f"{_MOST} bytes"
            raise TooLarge(f"The body has more than {limit}.", field="body", limit=limit)
    try:
        credential = calls.gate.admit(request.headers, _key(bytes(body)), INGEST)
    except (Unauthorized, Forbidden):
        raise Reply(403, "Invalid API Key\n") from None
    if not reaches(credential, request.path_params[SHORT_NAME]):
        raise Reply(500, "Invalid System Name\n")
    return say("")


def _key(body: bytes) -> str:
    found = parse_qs(body.decode("utf-8", "replace")).get(openmhz_fields.KEY, [""])
    return found[-1].strip()
