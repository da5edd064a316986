"""The OpenAPI description of OpenAI's routes: their forms, and the kinds of answers."""

from collections.abc import Mapping
from dataclasses import dataclass

from litestar.openapi.spec import (
    Example,
    OpenAPIMediaType,
    OpenAPIResponse,
    OpenAPIType,
    Operation,
    RequestBody,
    Schema,
)
from litestar.openapi.spec.enums import OpenAPIFormat

from services.ingest.openai.asked import DEFAULT_MODEL, FORMATS, GRANULARITIES
from services.ingest.submission import FIELDS, FILE
from shared.containers import ALLOWED

_TEXT = "Engine 7 on scene"
_EVENTS = (
    'data: {"type":"transcript.text.delta","delta":"Engine 7"}\n\n'
    'data: {"type":"transcript.text.delta","delta":" on scene"}\n\n'
    f'data: {{"type":"transcript.text.done","text":"{_TEXT}"}}\n\n'
)
_VERBOSE: Mapping[str, object] = {
    "task": "transcribe",
    "language": "english",
    "duration": 4.2,
    "text": _TEXT,
    "segments": [
        {
            "id": 0,
            "seek": 40,
            "start": 0.4,
            "end": 3.1,
            "text": _TEXT,
            "tokens": list[int](),
            "temperature": 0.0,
            "avg_logprob": -0.07,
            "compression_ratio": 0.68,
            "no_speech_prob": 0.01,
        }
    ],
    "words": [
        {"word": "Engine", "start": 0.4, "end": 0.9},
        {"word": "7", "start": 0.9, "end": 1.4},
        {"word": "on", "start": 2.1, "end": 2.4},
        {"word": "scene", "start": 2.4, "end": 3.1},
    ],
}


def _text(description: str, example: str, enum: tuple[str, ...] = ()) -> Schema:
    return Schema(
        type=OpenAPIType.STRING,
        description=description,
        examples=[example],
        enum=list(enum) or None,
    )


def _list(description: str, *allowed: str) -> Schema:
    return Schema(
        type=OpenAPIType.ARRAY,
        description=description,
        items=_text("One of them", allowed[0], allowed if len(allowed) > 1 else ()),
    )


def _of_uploads(*names: str) -> dict[str, Schema]:
    return {
        name: _text(
            f"{FIELDS[name].description}. Allowed: {FIELDS[name].limit}", FIELDS[name].example
        )
        for name in names
    }


PROPERTIES: Mapping[str, Schema] = {
    FILE: Schema(
        type=OpenAPIType.STRING,
        format=OpenAPIFormat.BINARY,
        description=f"The recording: {ALLOWED}",
    ),
    "model": _text(f"One of `GET /v1/models`; `{DEFAULT_MODEL}` is the site's own", DEFAULT_MODEL),
    "response_format": _text("`json` if absent", "verbose_json", FORMATS),
    f"{GRANULARITIES}[]": _list("With `verbose_json`; `segment` if absent", "word", "segment"),
    "stream": _text(
        "Events instead of one answer; with `json` or `text`", "true", ("true", "false")
    ),
    "keywords[]": _list("Words to expect", "Birch Street"),
    "temperature": _text("Only 0: nothing is sampled", "0"),
    "chunking_strategy": _text("Only `auto`: audio is cut at its pauses", "auto", ("auto",)),
    **_of_uploads(
        "language",
        "prompt",
        "hotwords",
        "source",
        "channel",
        "start",
        "lane",
        "metadata",
        "correlation_id",
    ),
}
"""The form's fields, as they are described."""


def _form() -> RequestBody:
    schema = Schema(type=OpenAPIType.OBJECT, required=[FILE, "model"], properties=dict(PROPERTIES))
    example = {
        FILE: "(the bytes of call.wav)",
        "model": DEFAULT_MODEL,
        "response_format": "verbose_json",
        f"{GRANULARITIES}[]": ["word"],
    }
    shown = OpenAPIMediaType(
        schema=schema, examples={"call": Example(summary="Words with times", value=example)}
    )
    return RequestBody(required=True, content={"multipart/form-data": shown})


def _plain(summary: str, value: str) -> OpenAPIMediaType:
    return OpenAPIMediaType(
        schema=Schema(type=OpenAPIType.STRING),
        examples={"call": Example(summary=summary, value=value)},
    )


@dataclass
class SpeechOperation(Operation):
    """Of a transcription or a translation."""

    def __post_init__(self) -> None:
        """Add what the handler's arguments do not tell."""
        self.request_body = _form()
        answer = (self.responses or {}).get("200")
        if isinstance(answer, OpenAPIResponse) and answer.content:
            json = answer.content["application/json"]
            if isinstance(json.schema, Schema):
                # What is verbose fits the plain form too.
                json.schema.any_of, json.schema.one_of = json.schema.one_of, None
            json.examples = {
                "json": Example(summary="json", value={"text": _TEXT}),
                "verbose_json": Example(summary="verbose_json", value=dict(_VERBOSE)),
            }
            cue = f"00:00:00,400 --> 00:00:03,100\n{_TEXT}\n"
            answer.content |= {
                "text/plain": _plain("text", f"{_TEXT}\n"),
                "application/x-subrip": _plain("srt", f"1\n{cue}\n"),
                "text/vtt": _plain("vtt", f"WEBVTT\n\n{cue.replace(',', '.')}"),
                "text/event-stream": _plain("With `stream`", _EVENTS),
            }
