"""The OpenAPI description of an upload, made from the table of fields.

Litestar derives it from a handler's arguments, of which an upload that is streamed has none.
"""

from dataclasses import dataclass

from litestar.openapi.spec import (
    Example,
    OpenAPIMediaType,
    OpenAPIType,
    Operation,
    Parameter,
    RequestBody,
    Schema,
)
from litestar.openapi.spec.enums import OpenAPIFormat

from services.ingest.submission import FIELDS, FILE, Field
from services.ingest.wait_query import WAIT
from shared.containers import ALLOWED


def _schema(field: Field) -> Schema:
    return Schema(
        type=OpenAPIType.STRING,
        description=f"{field.description}. Allowed: {field.limit}.",
        examples=[field.example],
    )


def _parameters() -> list[Parameter]:
    return [
        Parameter(
            name=name,
            param_in="query",
            required=False,
            description=f"{field.description}. Allowed: {field.limit}.",
            schema=Schema(type=OpenAPIType.STRING, examples=[field.example]),
        )
        for name, field in FIELDS.items()
    ] + [
        Parameter(
            name=WAIT,
            param_in="query",
            required=False,
            description="Seconds to wait for the transcript, up to `ECHOBASE_LONGEST_WAIT`.",
            schema=Schema(type=OpenAPIType.NUMBER, examples=[30]),
        )
    ]


def _body() -> RequestBody:
    audio = Schema(
        type=OpenAPIType.STRING,
        format=OpenAPIFormat.BINARY,
        description=f"The recording: {ALLOWED}.",
    )
    form = Schema(
        type=OpenAPIType.OBJECT,
        required=[FILE],
        properties={FILE: audio, **{name: _schema(field) for name, field in FIELDS.items()}},
    )
    raw = OpenAPIMediaType(
        schema=audio,
        examples={"call": Example(summary="A radio call", value="(the bytes of call.wav)")},
    )
    return RequestBody(
        required=True,
        description="A form, or the bare audio with the fields in the query.",
        content={
            "multipart/form-data": OpenAPIMediaType(
                schema=form,
                examples={
                    "call": Example(
                        summary="A radio call",
                        value={
                            FILE: "(the bytes of call.wav)",
                            "source": FIELDS["source"].example,
                            "channel": FIELDS["channel"].example,
                            "start": FIELDS["start"].example,
                            "lane": FIELDS["lane"].example,
                        },
                    )
                },
            ),
            "audio/*": raw,
            "application/octet-stream": raw,
        },
    )


@dataclass
class UploadOperation(Operation):
    """The operation of a handler that takes an upload."""

    def __post_init__(self) -> None:
        """Add what the handler's arguments do not tell."""
        self.parameters = [*(self.parameters or []), *_parameters()]
        self.request_body = _body()
