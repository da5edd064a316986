"""`POST /api/call-upload`: rdio-scanner's call upload, as SDRTrunk and trunk-recorder send it."""

import re

from litestar import Request, Response, post
from litestar.datastructures import State
from litestar.di import NamedDependency

from services.ingest.radio import rdio_fields
from services.ingest.radio.call import Call
from services.ingest.radio.call_desk import INGEST, CallDesk
from services.ingest.radio.call_form import CallForm
from services.ingest.radio.door_docs import RDIO_REPLIES, RdioOperation
from services.ingest.radio.replies import IN_TEXT, Probe, Reply, described, say
from shared.errors import BadInput
from shared.http.auth import KEY_INSIDE, require
from shared.http.ratelimit import UNLIMITED

TAKEN = "Call imported successfully.\n"
_MEDIA_TYPE = re.compile(r"\s*[^\s()<>@,;:\\\"/\[\]?=]+(/[^\s()<>@,;:\\\"/\[\]?=]+)?\s*(;|\Z)")


class RdioDoor:
    """Its fields, and its words."""

    audio = rdio_fields.AUDIO
    key = rdio_fields.KEY

    def read(self, form: CallForm) -> Call:
        """See `Door.read`."""
        return rdio_fields.read(form.fields, form.filename)

    def stranger(self, call: Call) -> Reply:
        """See `Door.stranger`."""
        system, talkgroup = call.source or 0, call.channel or 0
        return Reply(401, f"Invalid API key for system {system} talkgroup {talkgroup}.\n")

    def out_of_reach(self, call: Call, *, system: bool) -> Reply:  # noqa: ARG002 - one for both
        """See `Door.out_of_reach`."""
        return self.stranger(call)

    def incomplete(self, call: Call, form: CallForm) -> Reply | None:
        """See `Door.incomplete`."""
        missing = rdio_fields.missing(call, form.audio.size)
        kind = Reply if form.audio.size or call.channel else Probe
        return kind(417, f"Incomplete call data: {missing}\n\n") if missing else None

    def malformed(self, error: BadInput) -> Exception:
        """See `Door.malformed`."""
        return Reply(417, f"multipart: {error}\n\n")


def check_type(content_type: str) -> None:
    """Raises Reply for a body that says that it is no form."""
    if not _MEDIA_TYPE.match(content_type):
        raise Reply(400, "Invalid content-type\n")
    if not content_type.strip().lower().startswith("multipart/"):
        raise Reply(400, "Not a multipart content\n")


@post(
    "/api/call-upload",
    status_code=200,
    summary="Send a call, as to rdio-scanner",
    tags=["radio"],
    opt={**require(*INGEST), KEY_INSIDE: True, UNLIMITED: True},
    operation_class=RdioOperation,
    # The spool's own limits hold while the body is streamed.
    request_max_body_size=None,
    exception_handlers=IN_TEXT,
    responses=described(RDIO_REPLIES),
)
async def upload_call(
    request: Request[object, object, State], calls: NamedDependency[CallDesk]
) -> Response[str]:
    """Take a call in as rdio-scanner does: what SDRTrunk and trunk-recorder are set to.

    The answer comes as soon as the call is safe on this node's disk, also for one that is there
    already. The system becomes the recording's source, the talkgroup its channel; all else is kept
    as its metadata. An emergency call is urgent. With `key`, `system` and `test=1` alone it is
    SDRTrunk's probe, which takes `no talkgroup` for a sign of health.
    """
    check_type(request.headers.get("content-type", ""))
    await calls.take(request, RdioDoor())
    return say(TAKEN)
