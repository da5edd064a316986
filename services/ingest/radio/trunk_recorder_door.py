"""`POST /api/trunk-recorder-call-upload`: rdio-scanner's, of trunk-recorder's own JSON."""

from litestar import Request, Response, post
from litestar.datastructures import State
from litestar.di import NamedDependency

from services.ingest.radio import rdio_fields, trunk_recorder_meta
from services.ingest.radio.call import Call
from services.ingest.radio.call_desk import INGEST, CallDesk
from services.ingest.radio.call_form import CallForm
from services.ingest.radio.door_docs import TRUNK_RECORDER_REPLIES, TrunkRecorderOperation
from services.ingest.radio.rdio_door import TAKEN, RdioDoor, check_type
from services.ingest.radio.replies import IN_TEXT, Reply, described, say
from shared.http.auth import KEY_INSIDE, require
from shared.http.ratelimit import UNLIMITED

META = "meta"


class TrunkRecorderDoor(RdioDoor):
    """Its fields, and its words: those of rdio-scanner, and `meta`."""

    def read(self, form: CallForm) -> Call:
        """See `Door.read`; what the form says counts before what `meta` says."""
        rest = {name: value for name, value in form.fields.items() if name != META}
        said = rdio_fields.read(rest, form.filename)
        meta = trunk_recorder_meta.read(form.fields.get(META, ""))
        # The system's number is what names it here, as in the other door.
        return said if meta is None else said.over(meta.without_source())

    def incomplete(self, call: Call, form: CallForm) -> Reply | None:
        """See `Door.incomplete`."""
        refused = super().incomplete(call, form)
        meta = form.fields.get(META)
        if refused and meta and trunk_recorder_meta.read(meta) is None:
            return Reply(417, "Invalid call data\n")
        return refused


@post(
    "/api/trunk-recorder-call-upload",
    status_code=200,
    summary="Send a call with trunk-recorder's JSON, as to rdio-scanner",
    tags=["radio"],
    opt={**require(*INGEST), KEY_INSIDE: True, UNLIMITED: True},
    operation_class=TrunkRecorderOperation,
    # The spool's own limits hold while the body is streamed.
    request_max_body_size=None,
    exception_handlers=IN_TEXT,
    responses=described(TRUNK_RECORDER_REPLIES),
)
async def upload_trunk_recorder_call(
    request: Request[object, object, State], calls: NamedDependency[CallDesk]
) -> Response[str]:
    """Take in a call of trunk-recorder's: its audio, and in `meta` the JSON that lies beside it.

    Everything else is as with `/api/call-upload`, whose fields are understood here too.
    """
    check_type(request.headers.get("content-type", ""))
    await calls.take(request, TrunkRecorderDoor())
    return say(TAKEN)
