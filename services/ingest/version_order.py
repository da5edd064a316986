"""`POST /v1/recordings/{id}/versions`: asks for another transcript of a recording.

The order goes through the spool like an upload, as an entry without audio: once it is answered, it
is on this node's disk, and store and broker may go away.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated

import msgspec
from litestar import Response, post
from litestar.di import NamedDependency
from litestar.openapi.datastructures import ResponseSpec
from litestar.openapi.spec import Example
from litestar.params import Body, FromPath
from msgspec import Meta, Struct
from opentelemetry import propagate

from services.ingest.acceptance import lane_of
from services.ingest.entry import Entry, Held
from services.ingest.forwarder import Forwarder
from services.ingest.recordings import PATIENCE, Accepted, Links, example
from services.ingest.spool import Spool
from services.ingest.submission import FIELDS, read_fields
from services.ingest.upstream import Upstream
from shared import object_keys
from shared.channels import Lookup, nothing_known
from shared.erasure import is_erased
from shared.errors import BadInput, ObjectMissing
from shared.http.auth import require
from shared.http.problem import ProblemError, problems
from shared.identity import RECORDING_ID
from shared.keys import OPEN, Credential, allowed
from shared.messages import Recording, decode


def _says(name: str) -> Meta:
    field = FIELDS[name]
    return Meta(
        description=f"{field.description}. Allowed: {field.limit}.", examples=[field.example]
    )


class VersionOrder(
    Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True
):
    """How the version is to be transcribed; what is absent is as in an upload without it."""

    model: Annotated[str | None, _says("model")] = None
    language: Annotated[str | None, _says("language")] = None
    task: Annotated[str | None, _says("task")] = None
    prompt: Annotated[str | None, _says("prompt")] = None
    hotwords: Annotated[str | None, _says("hotwords")] = None
    words: Annotated[bool, Meta(description="Give each word's time and confidence")] = False
    lane: Annotated[str | None, _says("lane")] = None
    correlation_id: Annotated[
        str | None,
        Meta(description="The caller's own id, copied into every event; the recording's if absent"),
    ] = None


@dataclass(frozen=True)
class OrderDesk:
    """What orders go through."""

    upstream: Upstream
    spool: Spool
    channels: Lookup = nothing_known
    """What is known of a channel at the moment."""

    async def take(
        self, recording_id: str, order: VersionOrder, credential: Credential = OPEN
    ) -> tuple[Held, bool]:
        """Accept an order, durably; False beside what is there if the spool holds it already.

        Raises BadInput, which names the field; ProblemError (404) for an unknown recording;
        StoreUnavailable, since only the store knows the recording; Full.
        """
        fields = {
            name: value if isinstance(value, str) else "true"
            for name, value in msgspec.structs.asdict(order).items()
            if value
        }
        said = read_fields(fields)
        recording = await self._recording(recording_id, credential)
        trace: dict[str, str] = {}
        propagate.inject(trace)
        entry = Entry(
            recording=recording,
            lane=lane_of(said.lane, self.channels(recording.source, recording.channel)),
            options=said.options,
            correlation_id=said.correlation_id or recording.correlation_id,
            content_type="",
            trace=trace,
            ordered=datetime.now(UTC),
        )
        async with self.spool.receive() as nothing:
            await nothing.finish()
            return await self.spool.keep(nothing, entry)

    async def _recording(self, id: str, credential: Credential) -> Recording:
        if not RECORDING_ID.match(id):
            raise BadInput(
                f"not a recording's id: {id[:80]!r}", field="recording_id", limit="32 hex digits"
            )
        store = await self.upstream.store()
        if await is_erased(store, id):
            raise ProblemError(410, f"The recording {id!r} was deleted.", code="deleted")
        if await store.stat(object_keys.forgotten(id)) is not None:
            raise ProblemError(410, f"The audio of {id!r} was deleted.", code="deleted")
        try:
            found = decode(await store.get(object_keys.record(id)), Recording)
        except ObjectMissing:
            raise _unknown(id) from None
        # What the key does not reach is as unknown as what is not there.
        if not allowed(credential, found.source, found.channel):
            raise _unknown(id)
        return found


def _unknown(id: str) -> ProblemError:
    return ProblemError(
        404,
        f"There is no recording {id!r} in the store. If it was sent a moment ago it may still be on"
        f" its way: see /v1/spool/{id}.",
        code="unknown-recording",
    )


_ORDER = Body(
    examples=[
        Example(summary="With another model", value={"model": "large-v3", "lane": "backfill"}),
        Example(
            summary="With names to expect, and each word's time",
            value={"hotwords": "Birch Street", "words": True},
        ),
    ]
)


@post(
    "/v1/recordings/{recording_id:str}/versions",
    status_code=202,
    summary="Ask for another version",
    tags=["recordings"],
    opt=require("ingest"),
    responses={
        202: ResponseSpec(
            Accepted,
            generate_examples=False,
            description="The order is on this node's disk, and the version will be made",
            examples=[Example(summary="A second version", value=example(2))],
        ),
        **problems(400, 401, 404, 410, 503, 507),
    },
)
async def order_version(
    recording_id: FromPath[str],
    data: Annotated[VersionOrder, _ORDER],
    orders: NamedDependency[OrderDesk],
    forwarder: NamedDependency[Forwarder],
    links: NamedDependency[Links],
    credential: NamedDependency[Credential],
) -> Response[Accepted]:
    """Ask for a transcript of a recording that was made before.

    Asked for with the options of an existing version, it is that version, even one that failed;
    with others it is the next.
    """
    held, new = await orders.take(recording_id, data, credential)
    if new:
        forwarder.add(held)
    await forwarder.settle(held, PATIENCE)
    return Response(
        links.accepted(held, known=held.known or not new),
        status_code=202,
        headers={"Location": links.recording(recording_id)},
    )
