"""`/v1/channels/{source}/{channel}`: what is said of one channel."""

from typing import Annotated, cast
from urllib.parse import unquote_to_bytes

import msgspec
from litestar import Request, Response, delete, get, put
from litestar.datastructures import State
from litestar.di import NamedDependency
from litestar.openapi.datastructures import ResponseSpec
from litestar.openapi.spec import Example
from litestar.params import Body, HeaderParameter, PathParameter
from msgspec import Meta, Struct

from services.ingest.channels.desk import Changed, ChannelDesk, Stored
from services.ingest.channels.order import FIELDS, HOTWORDS, Said, changed, read_place
from services.ingest.reception import check_channel
from shared.access import Access
from shared.channels import ChannelRecord, ChannelSettings
from shared.errors import BadInput
from shared.http.auth import address_of, require
from shared.http.openapi import shown
from shared.http.problem import ProblemError, problems
from shared.keys import Credential

_PATH = "/v1/channels/{source:str}/{channel:path}"
_PREFIX = "/v1/channels/"
_SLASH = "two names; a slash within one is written %2F"
_TAG = 'an ETag of the channel, such as "17", or *'


def _says(name: str) -> Meta:
    field = FIELDS[name]
    return Meta(
        description=f"{field.description}. Allowed: {field.limit}.", examples=[field.example]
    )


def _limits(name: str) -> Meta:
    field = FIELDS[name]
    return Meta(
        description=f"{field.description}. Allowed: {field.limit}.", examples=[float(field.example)]
    )


class ChannelOrder(
    Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True
):
    """What is said of a channel; what is absent is as everywhere."""

    label: Annotated[str | None, _says("label")] = None
    description: Annotated[str | None, _says("description")] = None
    tag: Annotated[str | None, _says("tag")] = None
    group: Annotated[str | None, _says("group")] = None
    language: Annotated[str | None, _says("language")] = None
    prompt: Annotated[str | None, _says("prompt")] = None
    hotwords: Annotated[
        list[str],
        Meta(
            description=f"{HOTWORDS.description}. Allowed: {HOTWORDS.limit}.",
            examples=[["Engine 4", "Birch Street"]],
        ),
    ] = []
    lane: Annotated[str | None, _says("lane")] = None
    speech_threshold: Annotated[float | None, _limits("speech_threshold")] = None
    least_confidence: Annotated[float | None, _limits("least_confidence")] = None
    keep_audio: Annotated[str | None, _says("keep_audio")] = None
    keep_transcripts: Annotated[str | None, _says("keep_transcripts")] = None


class Channel(ChannelSettings, frozen=True, kw_only=True, omit_defaults=True):
    """What is said of a channel."""

    source: Annotated[str, Meta(description="Who records it")]
    channel: Annotated[str, Meta(description="Which stream of the source")]


_FIRE = Channel(
    source="11",
    channel="54241",
    label="FD Disp",
    tag="Fire Dispatch",
    prompt="Engine 4, Medic 2, respond to Birch Street.",
    hotwords=["Engine 4", "Birch Street"],
)
_SHOWN = shown(_FIRE, "What is said of it; the header `ETag` tells this from what is said later")
_Source = Annotated[str, PathParameter(examples=[Example(value=_FIRE.source)])]
_Channel = Annotated[str, PathParameter(examples=[Example(value=_FIRE.channel)])]
_ORDER = Body(
    examples=[
        Example(
            summary="Names, and words to expect",
            value={
                "label": "FD Disp",
                "tag": "Fire Dispatch",
                "prompt": "Engine 4, Medic 2, respond to Birch Street.",
                "hotwords": ["Engine 4", "Birch Street"],
            },
        ),
        Example(
            summary="Another language, and kept for good",
            value={"language": "de", "lane": "backfill", "keep_audio": "forever"},
        ),
    ]
)
_IF_MATCH = HeaderParameter(
    name="If-Match", description=f"Only if the channel is still so: {_TAG}", required=False
)
_IF_NONE_MATCH = HeaderParameter(
    name="If-None-Match",
    description="`*`: only if nothing is said of the channel",
    required=False,
    examples=[Example(value="*")],
)


@put(
    _PATH,
    summary="Say something of a channel",
    tags=["channels"],
    opt=require("admin"),
    responses={200: _SHOWN, **problems(400, 401, 412, 503)},
)
async def put_channel(
    request: Request[object, object, State],
    source: _Source,
    channel: _Channel,
    data: Annotated[ChannelOrder, _ORDER],
    channels: NamedDependency[ChannelDesk],
    credential: NamedDependency[Credential],
    access: NamedDependency[Access],
    if_match: Annotated[str | None, _IF_MATCH] = None,
    if_none_match: Annotated[str | None, _IF_NONE_MATCH] = None,
) -> Response[Channel]:
    """Say what a channel is called, and how its recordings are treated, in the place of all before.

    It counts for what is accepted, and for versions that are started, from the next moment on. In
    a name a slash is written `%2F`.
    """
    del source, channel  # the router has taken the slashes within them for others
    place = _place(request, credential)
    expected = _expected(if_match, if_none_match)
    said = cast(Said, msgspec.structs.asdict(data))
    record = changed(ChannelRecord(source=place[0], channel=place[1]), said)
    if expected is None and if_match is not None:
        expected = _there(await channels.get(*place)).revision
    try:
        stored = await channels.put(record, expected)
    except Changed as error:
        raise _precondition(error) from None
    address = address_of(request)
    access.audit.note(
        "channel-set", credential, address, source=record.source, channel=record.channel
    )
    return _answer(record, stored)


@get(
    _PATH,
    summary="What is said of a channel",
    tags=["channels"],
    opt=require("admin"),
    responses={200: _SHOWN, **problems(400, 401, 404, 503)},
)
async def get_channel(
    request: Request[object, object, State],
    source: _Source,
    channel: _Channel,
    channels: NamedDependency[ChannelDesk],
    credential: NamedDependency[Credential],
) -> Response[Channel]:
    """Say what a channel is called, and how its recordings are treated."""
    del source, channel
    place = _place(request, credential)
    stored = await channels.get(*place)
    if stored.record is None:
        raise _unknown(*place)
    return _answer(stored.record, stored)


@delete(
    _PATH,
    summary="Say nothing of a channel",
    tags=["channels"],
    opt=require("admin"),
    responses={
        204: ResponseSpec(None, description="Nothing is said of it any more"),
        **problems(400, 401, 404, 412, 503),
    },
)
async def delete_channel(
    request: Request[object, object, State],
    source: _Source,
    channel: _Channel,
    channels: NamedDependency[ChannelDesk],
    credential: NamedDependency[Credential],
    access: NamedDependency[Access],
    if_match: Annotated[str | None, _IF_MATCH] = None,
) -> None:
    """Treat a channel as every other again. Its recordings stay, and keep their names."""
    del source, channel
    place = _place(request, credential)
    try:
        if not await channels.remove(*place, _expected(if_match, None)):
            raise _unknown(*place)
    except Changed as error:
        raise _precondition(error) from None
    about = dict(zip(("source", "channel"), place, strict=True))
    access.audit.note("channel-removed", credential, address_of(request), **about)


def _place(request: Request[object, object, State], credential: Credential) -> tuple[str, str]:
    """The names in the path, where the credential reaches them. Raises BadInput, Forbidden."""
    raw = request.scope["raw_path"].decode("latin-1")
    names = raw.partition(_PREFIX)[2].split("/")
    if len(names) != 2:
        raise BadInput(f"{raw[:200]!r} has not {_SLASH}.", field="channel", limit=_SLASH)
    try:
        source, channel = (unquote_to_bytes(name).decode() for name in names)
    except UnicodeDecodeError:
        raise BadInput("The path is not UTF-8.", field="channel", limit="UTF-8") from None
    place = read_place(source, channel)
    check_channel(credential, *place)
    return place


def _expected(if_match: str | None, if_none_match: str | None) -> int | None:
    """The revision that a request counts on: 0 for nothing, None for any. Raises BadInput."""
    if if_none_match is not None:
        if if_none_match.strip() != "*":
            raise BadInput("If-None-Match is not *.", field="If-None-Match", limit="*")
        return 0
    if if_match is None or if_match.strip() == "*":
        return None
    tag = if_match.strip().removeprefix('"').removesuffix('"')
    if not (tag.isascii() and tag.isdecimal() and len(tag) < 20):
        raise BadInput(f"{if_match[:80]!r} is not {_TAG}.", field="If-Match", limit=_TAG)
    return int(tag)


def _there(stored: Stored) -> Stored:
    """What `If-Match: *` asks for. Raises ProblemError (412)."""
    if not stored.revision:
        raise _precondition(Changed("Nothing is said of the channel."))
    return stored


def _precondition(error: Changed) -> ProblemError:
    return ProblemError(412, f"{error} Ask for it again.", code=error.code)


def _unknown(source: str, channel: str) -> ProblemError:
    return ProblemError(
        404,
        f"Nothing is said of the channel {channel!r} of {source!r}.",
        code="unknown-channel",
    )


def _answer(record: ChannelRecord, stored: Stored) -> Response[Channel]:
    found = msgspec.convert(msgspec.structs.asdict(record), Channel)
    return Response(found, headers={"ETag": f'"{stored.revision}"'})
