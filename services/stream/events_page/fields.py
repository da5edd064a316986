"""A JSON schema as a table of fields: name, type, and what it means."""

from collections.abc import Mapping, Sequence
from html import escape
from typing import cast

from services.stream.events_page.prose import inline
from shared.asyncapi.schemas import Json


def table(schema: Json) -> str:
    """The fields of an object, in their order."""
    required = cast(Sequence[str], schema.get("required", ()))
    properties = cast(Mapping[str, Json], schema["properties"])
    rows = "".join(_row(name, each, name in required) for name, each in properties.items())
    return (
        '<div class="wide"><table><thead><tr><th scope="col">Name</th><th scope="col">Type</th>'
        f'<th scope="col">Meaning</th></tr></thead><tbody>{rows}</tbody></table></div>'
    )


def _row(name: str, schema: Json, required: bool) -> str:
    absent = "" if required else ' <span class="quiet">may be absent</span>'
    return (
        f'<tr><th scope="row"><code>{escape(name)}</code>{absent}</th><td>{kind(schema)}</td>'
        f"<td>{inline(_description(schema))}</td></tr>"
    )


def kind(schema: Json) -> str:
    """A schema's type in words, as HTML; that of another object is a link to its table."""
    if isinstance(reference := schema.get("$ref"), str):
        name = escape(reference.rpartition("/")[2])
        return f'<a href="#{name}">{name}</a>'
    if several := schema.get("anyOf") or schema.get("allOf"):
        return " or ".join(map(kind, cast(list[Json], several)))
    if values := schema.get("enum"):
        return " or ".join(map(_value, cast(list[object], values)))
    if "const" in schema:
        return _value(schema["const"])
    if isinstance(items := schema.get("items"), dict):
        return f"list of {kind(cast(Json, items))}"
    return escape(_plain(schema))


def _plain(schema: Json) -> str:
    if schema.get("format") == "date-time":
        return "RFC 3339 time"
    if schema.get("contentEncoding") == "base64":
        return "base64 text"
    said = str(schema.get("type", "any JSON"))
    return _NAMES.get(said, said)


_NAMES = {"string": "text", "boolean": "true or false"}


def _value(value: object) -> str:
    return f"<code>{escape(str(value))}</code>"


def _description(schema: Json) -> str:
    return str(schema.get("description", ""))
