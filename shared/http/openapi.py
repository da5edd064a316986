"""The OpenAPI description as it is given out: with an example of everything that a caller meets.

What a route answers with is shown beside its handler (`shown`); what is the same everywhere, the
problems and the parameters with names that recur, is shown here.
"""

from collections.abc import Iterator, Mapping
from http import HTTPStatus
from typing import cast

import msgspec
from litestar.openapi.datastructures import ResponseSpec
from litestar.openapi.spec import Example

from shared.errors import TooLarge
from shared.http.problem import MEDIA_TYPE, MOST_BODY, RETRY_AFTER, Problem

Json = dict[str, object]
ID = "5d41402abc4b2a76b9719d911017c592"
"""A recording's, wherever one is shown."""
_EVENT = "18c6d1f0a3b2c4d5-1042"
_PROBLEM = "#/components/schemas/Problem"
PARAMETERS: Mapping[str, object] = {
    "recording_id": ID,
    "recording": [ID],
    "source": ["county"],
    "channel": ["fire*"],
    "type": ["segment"],
    "filter": ["source=county&type=segment"],
    "last_event_id": _EVENT,
    "Last-Event-ID": _EVENT,
    "subject": "echobase.events.county.fire.*.*.segment",
    "version": 1,
    "Range": "bytes=0-1023",
    "If-Match": '"1"',
    "q": '"structure fire" birch',
    "since": "2026-05-01T00:00:00Z",
    "until": "2026-06-01T00:00:00Z",
    "status": ["completed"],
    "min_confidence": "0.5",
    "max_confidence": "0.9",
    "needs_review": "true",
    "corrected": "false",
    "limit": "20",
    "token": "eyJrIjoiMWYwYzlhM2UifQ.c2lnbmF0dXJl",
    "cursor": "18f3a2b4c5d60",
    "name": "whisper-1",
    "key": "live-20260301T120000000000Z-5d41402a",
}
"""Examples of parameters, by their names; one that shows another value says so itself."""
# Litestar says of a union that exactly one of its kinds fits; what fits one may fit another too.
_NAMES: Mapping[str, str] = {"oneOf": "anyOf"}
_DETAILS: Mapping[int, tuple[str, str, str | None, str | None]] = {
    400: ("bad-input", "The lane 'soon' is not allowed.", "lane", "urgent, live, backfill"),
    401: ("unauthorized", "The key is missing or wrong.", "X-API-Key", None),
    403: ("forbidden", "The key lacks the scope ingest.", "X-API-Key", "read"),
    404: ("unknown-recording", f"There is no recording {ID!r} in the store.", None, None),
    408: ("too-slow", "Nothing came for 60 seconds.", "body", "60 seconds"),
    409: ("conflict", "Version 2 has corrected the recording since version 1.", None, None),
    410: ("deleted", "The recording was deleted on 2026-03-01.", None, None),
    412: ("changed", "The channel is at revision 18, not 17. Ask for it again.", None, None),
    413: (
        "too-large",
        "The audio has more than 524288000 bytes (ECHOBASE_MAX_UPLOAD_BYTES).",
        "file",
        "524288000 bytes",
    ),
    415: ("not-audio", "the file is no audio that we accept: it is text", "file", "wav, mp3, …"),
    416: ("no-such-bytes", "The audio has 134444 bytes.", "Range", "0 to 134443"),
    421: ("unknown-host", "This server is not 'example.org'.", "Host", "localhost"),
    429: ("too-many-requests", "More than 300 calls in a minute.", None, None),
    503: ("store-unavailable", "The store is away; try again later.", None, None),
    507: ("full", "The spool is full (ECHOBASE_SPOOL_MAX_BYTES).", None, None),
}
"""Of a problem by its status: code, detail, field and limit."""


def shown(value: object, description: str, media_type: str = "application/json") -> ResponseSpec:
    """For a handler's `responses=`: what it answers with, by an example.

    `value`: a struct, a list of structs, or a text; its type is the answer's.
    """
    return ResponseSpec(
        _kind(value),
        generate_examples=False,
        description=description,
        media_type=media_type,
        # Of what is a dict Litestar would leave out each null.
        examples=[Example(value=msgspec.Raw(msgspec.json.encode(value)))],
    )


def _kind(value: object) -> type:
    if isinstance(value, list):
        [first, *_] = cast(list[object], value)
        return list[type(first)]
    return type(value)


def finished(described: Json) -> Json:
    """A description, with the examples that are the same everywhere."""
    described = cast(Json, _copied(described))
    for operation in _operations(described):
        for parameter in cast(list[Json], operation.get("parameters", [])):
            _show_parameter(parameter)
        answers = cast(dict[str, Json], operation["responses"])
        if "application/json" in cast(Json, _body(operation).get("content", {})):
            answers.setdefault("413", _too_large())
        for status, answer in answers.items():
            _show_answer(int(status), answer)
    return described


def _copied(part: object) -> object:
    """A copy, since Litestar hands out parts of what it will hand out again."""
    if isinstance(part, dict):
        return {_NAMES.get(name, name): _copied(value) for name, value in cast(Json, part).items()}
    if isinstance(part, list):
        return [_copied(value) for value in cast(list[object], part)]
    return msgspec.json.decode(part) if isinstance(part, msgspec.Raw) else part


def problem_example(status: int) -> Problem:
    """A problem of a status."""
    code, detail, field, limit = _DETAILS.get(
        status, ("problem", HTTPStatus(status).description or "It failed.", None, None)
    )
    return Problem(
        type=f"urn:echobase:{code}",
        title=HTTPStatus(status).phrase,
        status=status,
        detail=detail,
        field=field,
        limit=limit,
    )


def _operations(described: Json) -> Iterator[Json]:
    for methods in cast(Mapping[str, Mapping[str, Json]], described.get("paths", {})).values():
        yield from methods.values()


def _body(operation: Json) -> Json:
    return cast(Json, operation.get("requestBody", {}))


def _too_large() -> Json:
    """Litestar's own limit of what is no upload holds before any handler is asked."""
    example = Problem(
        type=f"urn:echobase:{TooLarge.code}",
        title=HTTPStatus.REQUEST_ENTITY_TOO_LARGE.phrase,
        status=HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        detail=f"The body has more than {MOST_BODY} bytes.",
        field="body",
        limit=f"{MOST_BODY} bytes",
    )
    shown = {"problem": {"value": msgspec.to_builtins(example)}}
    content = {"schema": {"$ref": _PROBLEM}, "examples": shown}
    return {"description": example.title, "content": {MEDIA_TYPE: content}}


def _show_parameter(parameter: Json) -> None:
    schema = cast(Json, parameter.get("schema", {}))
    has = {"example", "examples"} & (set(parameter) | set(schema))
    if not has and (example := PARAMETERS.get(str(parameter["name"]))) is not None:
        parameter["example"] = example


def _show_answer(status: int, answer: Json) -> None:
    if status in (204, 304):
        answer.pop("content", None)
        return
    content = cast(dict[str, Json], answer.get("content", {}))
    if (stream := content.get("text/event-stream")) is not None:
        # It has no end, and OpenAPI 3.1 no words for the schema of a part of it.
        stream.pop("schema", None)
    if _is_litestars(content):
        # Of a parameter that does not fit; every error is answered as a problem.
        content.clear()
        content[MEDIA_TYPE] = {"schema": {"$ref": _PROBLEM}}
        answer["description"] = HTTPStatus(status).phrase
    if (problem := content.get(MEDIA_TYPE)) is not None:
        problem.setdefault(
            "examples", {"problem": {"value": msgspec.to_builtins(problem_example(status))}}
        )
    if status in (429, 503):
        wait = {"type": "integer", "minimum": 1, "examples": [RETRY_AFTER]}
        headers = cast(Json, answer.setdefault("headers", {}))
        headers.setdefault(
            "Retry-After",
            {"description": "Seconds after which to try again", "schema": wait},
        )


def _is_litestars(content: Mapping[str, Json]) -> bool:
    schema = cast(Json, content.get("application/json", {}).get("schema", {}))
    return schema.get("description") == "Validation Exception"
