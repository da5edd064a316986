"""Both services' OpenAPI descriptions, and what of a description shows no example."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import cast

import httpx
from jsonschema import Draft202012Validator

from shared.memory_bus import MemoryBus
from shared.memory_store import MemoryStore
from tests.support.ingest import serving
from tests.support.stream import environment_of, running

Json = dict[str, object]
_BODILESS = {"204", "304"}
_PLACEHOLDER = re.compile(r"\(.* bytes.*\)\Z")
"""What stands in an example for a file."""


async def descriptions(folder: Path) -> Mapping[str, Json]:
    """Those of both services, which need neither NATS nor a store for that."""
    away = environment_of(ECHOBASE_NATS_URL="nats://127.0.0.1:9", ECHOBASE_DATA=str(folder))
    async with (
        running(away) as stream,
        serving(folder / "ingest" / "spool", MemoryStore(), MemoryBus()) as ingest,
    ):
        return {
            "stream": await _get(stream.http, "/openapi.json"),
            "ingest": await _get(ingest.http, "/ingest/openapi.json"),
        }


async def _get(http: httpx.AsyncClient, path: str) -> Json:
    answer = await http.get(path)
    assert answer.status_code == 200, answer.text
    return cast(Json, answer.json())


def operations(description: Json) -> Iterator[tuple[str, Json]]:
    """Each operation, by method and path."""
    for path, methods in cast(Mapping[str, Mapping[str, Json]], description["paths"]).items():
        for method, operation in methods.items():
            yield f"{method.upper()} {path}", operation


def faults(description: Json) -> list[str]:
    """Every parameter, body and answer without an example, or with one that does not fit."""
    return [
        f"{name}: {fault}"
        for name, operation in operations(description)
        for fault in _operation(description, operation)
    ]


def _operation(whole: Json, operation: Json) -> Iterator[str]:
    for needed in ("summary", "description"):
        if not operation.get(needed):
            yield f"has no {needed}"
    for parameter in cast(list[Json], operation.get("parameters", [])):
        yield from _shown(whole, parameter, f"parameter {parameter['name']}")
    body = cast(Json, operation.get("requestBody", {}))
    yield from _content(whole, body, "body")
    for status, answer in cast(Mapping[str, Json], operation["responses"]).items():
        if not answer.get("description"):
            yield f"{status} has no description"
        if status in _BODILESS:
            yield from [f"{status} has a body"] if answer.get("content") else []
        elif not answer.get("content"):
            yield f"{status} has no body"
        yield from _content(whole, answer, status)


def _content(whole: Json, part: Json, what: str) -> Iterator[str]:
    for media_type, content in cast(Mapping[str, Json], part.get("content", {})).items():
        yield from _shown(whole, content, f"{what} {media_type}")


def _shown(whole: Json, part: Json, what: str) -> Iterator[str]:
    schema = cast(Json, part.get("schema", {}))
    found = list(_examples(part, schema))
    if not found:
        yield f"{what} has no example"
    for example in found:
        if isinstance(example, str) and _PLACEHOLDER.search(example):
            continue
        if misfit := _misfit({**schema, "components": whole.get("components", {})}, example):
            yield f"the example of {what} does not fit: {misfit}"


def _examples(part: Json, schema: Json) -> Iterator[object]:
    if "example" in part:
        yield part["example"]
    for each in cast(Mapping[str, Json], part.get("examples", {})).values():
        yield each["value"]
    yield from cast(list[object], schema.get("examples", []))


def _misfit(schema: Json, example: object) -> str:
    validator = Draft202012Validator(schema)
    errors = validator.iter_errors(example)  # pyright: ignore[reportArgumentType, reportUnknownMemberType] - its types leave JSON unknown
    return "; ".join(f"{error.json_path} {error.message[:200]}" for error in errors)
