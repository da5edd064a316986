"""The OpenAPI descriptions of the doors, made from their tables of fields."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from litestar.openapi.spec import (
    Example,
    OpenAPIMediaType,
    OpenAPIType,
    Operation,
    Parameter,
    Reference,
    RequestBody,
    Schema,
)
from litestar.openapi.spec.enums import OpenAPIFormat

from services.ingest.radio import openmhz_fields, rdio_fields
from services.ingest.radio.fields import Field
from shared.containers import ALLOWED

Replies = Mapping[int, Mapping[str, str]]
"""By status, each text that may be answered, and what it means."""

_KEY = "The key; in the header `X-API-Key`, or as a Bearer token, it counts too"
_START = "1772366400"
_EXAMPLE_KEY = "ebk_…"
_PAGES = {"Pages of 'https://example.org' may not call this server.\n": "A web page asked"}
_COMMON: Replies = {
    403: _PAGES,
    408: {"Nothing came for 60 seconds.\n": "The upload stalled"},
    413: {"The audio has more than 268435456 bytes (ECHOBASE_MAX_UPLOAD_BYTES).\n": "Too large"},
    415: {"the file is no audio that we accept: it is text; …\n": "No audio"},
    507: {"The disk of this node has less than 268435456 bytes left …\n": "No room"},
}

RDIO_REPLIES: Replies = {
    200: {"Call imported successfully.\n": "The call is on this node's disk, now or already"},
    400: {
        "Invalid content-type\n": "There is no Content-Type",
        "Not a multipart content\n": "The body is no form",
    },
    401: {
        "Invalid API key for system 11 talkgroup 54241.\n": "The key is wrong, or ends elsewhere"
    },
    417: {
        "Incomplete call data: no audio\n\n": "No audio, or hardly any",
        "Incomplete call data: no datetime\n\n": "No time, or none that can be read",
        "Incomplete call data: no system\n\n": "No system",
        "Incomplete call data: no talkgroup\n\n": "No talkgroup: what SDRTrunk's probe hopes for",
        "multipart: The body is no multipart form: …\n\n": "The form is broken",
    },
    **_COMMON,
}
TRUNK_RECORDER_REPLIES: Replies = {
    **RDIO_REPLIES,
    417: {**RDIO_REPLIES[417], "Invalid call data\n": "`meta` is no JSON, and is needed"},
}
OPENMHZ_REPLIES: Replies = {
    200: {"": "The call is on this node's disk, now or already"},
    400: {"The body is no multipart form: …\n": "The form is broken"},
    500: {
        "API Keys do not match!\n": "The key is wrong",
        "ShortName does not exist: county\n": "The key does not reach the system",
        "Talkgroup does not exist, skipping.\n": "The key does not reach the talkgroup",
        "Error, invalid filename:\n": "There is no file, or its name ends on neither .m4a nor .mp3",
    },
    **_COMMON,
}
AUTHORIZE_REPLIES: Replies = {
    200: {"": "The key may send calls of the system"},
    400: {"The upload broke off.\n": "The body did not come"},
    403: {"Invalid API Key\n": "The key is wrong", **_PAGES},
    408: _COMMON[408],
    413: {"The body has more than 65536 bytes.\n": "Too large"},
    500: {"Invalid System Name\n": "The key does not reach the system"},
}


def _text(description: str, example: str) -> Schema:
    return Schema(type=OpenAPIType.STRING, description=description, examples=[example])


def _schemas(fields: Mapping[str, Field]) -> dict[str, Schema]:
    return {name: _text(field.description, field.example) for name, field in fields.items()}


def _audio() -> Schema:
    return Schema(
        type=OpenAPIType.STRING,
        format=OpenAPIFormat.BINARY,
        description=f"The call: {ALLOWED}.",
    )


def _form(
    properties: Mapping[str, Schema],
    required: Sequence[str],
    example: Mapping[str, str],
    media_type: str = "multipart/form-data",
) -> RequestBody:
    schema = Schema(
        type=OpenAPIType.OBJECT,
        required=[*required],
        properties=dict(properties),
        additional_properties=Schema(description="Kept in the metadata, under `more`"),
    )
    shown: dict[str, Example | Reference] = {"call": Example(summary="A call", value=dict(example))}
    return RequestBody(
        required=True, content={media_type: OpenAPIMediaType(schema=schema, examples=shown)}
    )


_RDIO = {
    rdio_fields.KEY: _text(_KEY, _EXAMPLE_KEY),
    rdio_fields.AUDIO: _audio(),
    rdio_fields.DATE_TIME: _text("When it began: seconds since 1970, or RFC 3339", _START),
    rdio_fields.TIMESTAMP: _text("The same in milliseconds since 1970", f"{_START}000"),
    **_schemas(rdio_fields.FIELDS),
}
_RDIO_EXAMPLE = {
    rdio_fields.KEY: _EXAMPLE_KEY,
    "system": "11",
    rdio_fields.DATE_TIME: _START,
    "talkgroup": "54241",
    "talkgroupLabel": "FD Disp",
    "source": "1701",
    "frequency": "851012500",
    "patches": "[]",
    rdio_fields.AUDIO: "(the bytes of call.mp3)",
}
_META = (
    '{"freq": 851012500, "start_time": 1772366400, "emergency": 0, "talkgroup": 54241,'
    ' "talkgroup_tag": "FD Disp", "short_name": "county", "srcList": [{"src": 1701, "pos": 0}]}'
)


@dataclass
class RdioOperation(Operation):
    """Of rdio-scanner's call upload."""

    def __post_init__(self) -> None:
        """Add what the handler's arguments do not tell."""
        required = (rdio_fields.AUDIO, rdio_fields.DATE_TIME, "system", "talkgroup")
        self.request_body = _form(_RDIO, required, _RDIO_EXAMPLE)


@dataclass
class TrunkRecorderOperation(Operation):
    """Of trunk-recorder's call upload."""

    def __post_init__(self) -> None:
        """Add what the handler's arguments do not tell."""
        meta = _text("The JSON that trunk-recorder writes beside the audio", _META)
        example = {
            rdio_fields.KEY: _EXAMPLE_KEY,
            "system": "11",
            "meta": _META,
            rdio_fields.AUDIO: "(the bytes of call.m4a)",
        }
        required = (rdio_fields.AUDIO, "meta", "system")
        self.request_body = _form({"meta": meta, **_RDIO}, required, example)


def _short_name() -> Parameter:
    return Parameter(
        name="shortName",
        param_in="path",
        required=True,
        description="The system's short name; the recording's source",
        schema=_text("At most 128 characters", "county"),
    )


@dataclass
class OpenMhzOperation(Operation):
    """Of OpenMHz' upload."""

    def __post_init__(self) -> None:
        """Add what the handler's arguments do not tell."""
        self.parameters = [_short_name()]
        properties = {
            openmhz_fields.KEY: _text(_KEY, _EXAMPLE_KEY),
            openmhz_fields.AUDIO: _audio(),
            openmhz_fields.START: _text("When it began: seconds since 1970", _START),
            **_schemas(openmhz_fields.FIELDS),
        }
        example = {
            openmhz_fields.AUDIO: "(the bytes of call.m4a)",
            "freq": "851012500",
            openmhz_fields.START: _START,
            "call_length": "4",
            "talkgroup_num": "54241",
            "emergency": "0",
            openmhz_fields.KEY: _EXAMPLE_KEY,
            "patch_list": "[]",
            "source_list": '[{"pos": 0.00, "src": 1701}]',
        }
        self.request_body = _form(properties, (openmhz_fields.AUDIO,), example)


@dataclass
class AuthorizeOperation(Operation):
    """Of OpenMHz' question whether a key is right."""

    def __post_init__(self) -> None:
        """Add what the handler's arguments do not tell."""
        self.parameters = [_short_name()]
        key = {openmhz_fields.KEY: _text(_KEY, _EXAMPLE_KEY)}
        self.request_body = _form(
            key,
            (),
            {openmhz_fields.KEY: _EXAMPLE_KEY},
            "application/x-www-form-urlencoded",
        )
